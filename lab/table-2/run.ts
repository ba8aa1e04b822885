/** Claim: the paper's table of protein results, in miniature. */

import { defineClaim, mean, roundTo, standardError } from "performer-ts/lab";
import { drawTable } from "./figure.ts";
import type { Cell, ObjectiveLetter } from "./result.ts";
import { QUICK_MODEL, TRAINING } from "../training-runs/proteins.ts";
import { runSeries } from "../training-runs/series.ts";
import type { ComparedRun } from "../compare/rows.ts";
import type { HeldOutSplit, Objective, SplitResult } from "../training-runs/subject.ts";

const FULL = { steps: 240, seeds: [1, 2, 3], model: {} } as const;
const QUICK = {
  steps: 8,
  seeds: [1],
  model: QUICK_MODEL,
} as const;
const MODELS = { Transformer: "exact", "Performer-softmax": "favor", "Performer-ReLU": "favor-relu" } as const;
const OBJECTIVES = { U: "causal", B: "masked" } as const satisfies Record<ObjectiveLetter, Objective>;
const SPLITS = ["test", "ood"] as const satisfies readonly HeldOutSplit[];
/** How much worse than the Transformer's a Performer's perplexity may be and still count as level. */
const MARGIN = 0.01;

export const table2 = defineClaim({
  claim: "table-2",
  title:
    "On proteins, for both objectives, Performers are level with the Transformer or better, all beat the unigram baseline on test, and " +
    "unseen families are harder.",
  published:
    "arXiv:2009.14794, table 2 (TrEMBL, 36 layers; accuracy / perplexity on test, OOD): U Transformer 30.80 / 9.37, 19.70 / 13.20; " +
    "U Performer-ReLU 31.58 / 9.17, 18.44 / 13.63; B Transformer 33.32 / 9.22, 25.07 / 12.09; B Performer-ReLU 36.09 / 8.36, " +
    "24.10 / 12.26; B Performer-softmax 33.00 / 9.24, 23.48 / 12.41; unigram 9.92 / 17.80.",
  run: async ({ quick, onProgress }) => {
    const { steps, seeds, model } = quick ? QUICK : FULL;
    const series = entries(OBJECTIVES).flatMap(([letter, objective]) =>
      entries(MODELS).map(([name, mechanism]) => ({
        label: `${letter} ${name}`,
        mechanism,
        job: {
          // Copying what stands there unhidden is no merit, and nothing that frequencies know.
          subject: { data: "proteins", objective, quick, behindMaskOnly: true },
          model,
          training: { ...TRAINING, steps, logInterval: steps },
        },
      })),
    );
    const runs = await runSeries(series, seeds, onProgress);
    const cells = entries(OBJECTIVES).flatMap(([letter]) => [
      ...SPLITS.map((split) => baselineCell(letter, split, runs)),
      ...entries(MODELS).flatMap(([name]) => SPLITS.map((split) => cellOf(letter, name, split, runs))),
    ]);
    const verdict = verdictOn(cells);
    return {
      setting: { ...TRAINING, steps, seeds: [...seeds], margin: MARGIN, model: { ...model } },
      measured: { cells: cells.map((cell) => ({ ...cell })), ...verdict },
      holds: Object.values(verdict).every(Boolean),
      figure: drawTable(cells),
    };
  },
});

function entries<K extends string, V>(table: Readonly<Record<K, V>>): readonly (readonly [K, V])[] {
  return Object.entries(table) as [K, V][]; // the table's own keys
}

function cellOf(objective: ObjectiveLetter, model: string, split: HeldOutSplit, runs: readonly ComparedRun[]): Cell {
  const results = runs
    .filter(({ label }) => label === `${objective} ${model}`)
    .map(({ result }) => result[split])
    .filter((result): result is SplitResult => result !== null);
  const perplexities = results.map(({ lossNats }) => Math.exp(lossNats));
  return {
    objective,
    model,
    split,
    accuracy: roundTo(100 * mean(results.map(({ accuracy }) => accuracy)), 4),
    perplexity: roundTo(mean(perplexities), 5),
    standardError: perplexities.length < 2 ? null : roundTo(standardError(perplexities), 2),
  };
}

/** The baseline of the first run with this objective, which is that of all others. */
function baselineCell(objective: ObjectiveLetter, split: HeldOutSplit, runs: readonly ComparedRun[]): Cell {
  const unigram = runs.find(({ label }) => label.startsWith(`${objective} `))?.result.unigram?.[split];
  return {
    objective,
    model: "unigram",
    split,
    accuracy: roundTo(100 * (unigram?.accuracy ?? Number.NaN), 4),
    perplexity: roundTo(unigram?.perplexity ?? Number.NaN, 5),
    standardError: null,
  };
}

function verdictOn(cells: readonly Cell[]) {
  const value = (key: "accuracy" | "perplexity", objective: string, model: string, split: HeldOutSplit): number =>
    cells.find((cell) => cell.objective === objective && cell.model === model && cell.split === split)?.[key] ??
    Number.NaN;
  const everywhere = (holds: (objective: string, model: string) => boolean) =>
    entries(OBJECTIVES).every(([objective]) => entries(MODELS).every(([model]) => holds(objective, model)));
  return {
    performersLevelWithTransformer: everywhere(
      (objective, model) =>
        value("perplexity", objective, model, "test") <=
        (1 + MARGIN) * value("perplexity", objective, "Transformer", "test"),
    ),
    allBeatUnigramOnTest: everywhere(
      (objective, model) =>
        value("perplexity", objective, model, "test") < value("perplexity", objective, "unigram", "test"),
    ),
    unseenFamiliesHarder: everywhere(
      (objective, model) => value("accuracy", objective, model, "ood") < value("accuracy", objective, model, "test"),
    ),
  };
}
