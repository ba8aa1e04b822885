/** Claim: on proteins, a Performer is as good as a Transformer after equally many steps. */

import { defineClaim, roundTo } from "performer-ts/lab";
import { drawPanels } from "../compare/figure.ts";
import { compareRuns, recordsOf, type ComparedRow, type ComparedRun } from "../compare/rows.ts";
import { QUICK_MODEL, TRAINING } from "../training-runs/proteins.ts";
import { runSeries } from "../training-runs/series.ts";
import { measures, type Objective } from "../training-runs/subject.ts";

const FULL = { steps: 320, seeds: [1, 2, 3], model: {} } as const;
const QUICK = {
  steps: 12,
  seeds: [1],
  model: QUICK_MODEL,
} as const;
/** Linformer cannot be causal. */
const MECHANISMS = {
  causal: ["exact", "favor", "favor-relu", "reformer"],
  masked: ["exact", "favor", "favor-relu", "linformer", "reformer"],
} as const satisfies Record<Objective, readonly string[]>;
/**
 * Sequences of some 240 residues: buckets and windows of half the default, so that a step costs little more than the
 * others'.
 */
const REFORMER = { name: "reformer", numBuckets: 16, window: 32 } as const;
const OBJECTIVES = ["causal", "masked"] as const;
/** How much worse, of the perplexity, still counts as equal. */
const MARGIN = 0.01;
const EVALUATIONS = 8;

export const proteinMechanisms = defineClaim({
  claim: "protein-mechanisms",
  title:
    "On proteins, after equally many steps, FAVOR+ reaches the Transformer's perplexity within 1 %, and Performer-ReLU is not worse.",
  published:
    "arXiv:2009.14794, figure 7 (TrEMBL, 36 layers): Performer-ReLU above the Transformer in accuracy, Performer-softmax level with " +
    "it, Reformer and Linformer below.",
  run: async ({ quick, onProgress }) => {
    const { steps, seeds, model } = quick ? QUICK : FULL;
    const series = OBJECTIVES.flatMap((objective) =>
      MECHANISMS[objective].map((mechanism) => ({
        label: `${objective} ${mechanism}`,
        mechanism: mechanism === "reformer" ? REFORMER : mechanism,
        job: {
          subject: { data: "proteins", objective, quick },
          model,
          training: { ...TRAINING, steps, logInterval: steps },
          evaluations: EVALUATIONS,
        },
      })),
    );
    const runs = await runSeries(series, seeds, onProgress);
    const rows = compareRuns(runs, measures.perplexity);
    const verdicts = OBJECTIVES.map((objective) => verdictOf(objective, rows));
    return {
      setting: { ...TRAINING, steps, seeds: [...seeds], margin: MARGIN, split: "test", model: { ...model } },
      measured: {
        rows: [...recordsOf(rows)],
        ...Object.fromEntries(verdicts.map(({ objective, ...verdict }) => [objective, verdict])),
      },
      holds: verdicts.every(({ softmaxLevel, reluLevel }) => softmaxLevel && reluLevel),
      figure: drawPanels(
        OBJECTIVES.map((objective) => ({
          title: `${objective}, perplexity`,
          runs: shownRuns(objective, runs),
          measure: measures.perplexity,
        })),
        "steps",
      ),
    };
  },
});

function verdictOf(objective: Objective, rows: readonly ComparedRow[]) {
  const perplexityOf = (mechanism: string) =>
    rows.find((row) => row.mechanism === `${objective} ${mechanism}`)?.test ?? Number.POSITIVE_INFINITY;
  const [exact, softmax, relu] = ["exact", "favor", "favor-relu"].map(perplexityOf);
  const over = (a = Number.NaN, b = Number.NaN) => roundTo(a / b - 1, 4);
  return {
    objective,
    softmaxOverExact: over(softmax, exact),
    reluOverExact: over(relu, exact),
    reluOverSoftmax: over(relu, softmax),
    softmaxLevel: over(softmax, exact) <= MARGIN,
    // Worse than both by more than the margin would be worse than the worse of them.
    reluLevel: over(relu, Math.max(exact ?? 0, softmax ?? 0)) <= MARGIN,
  };
}

/** The first seed's lines: three of each would hide one another. */
function shownRuns(objective: Objective, runs: readonly ComparedRun[]): readonly ComparedRun[] {
  const [first] = runs;
  const prefix = `${objective} `;
  return runs.flatMap((run) =>
    run.seed === first?.seed && run.label.startsWith(prefix) ? [{ ...run, label: run.label.slice(prefix.length) }] : [],
  );
}
