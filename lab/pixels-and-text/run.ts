// Claim: on pixels and on text, a Performer comes as far as a Transformer in equally many steps.

import { defineClaim, roundTo } from "performer-ts/lab";
import { drawComparison } from "../compare/figure.ts";
import { compareRuns, recordsOf } from "../compare/rows.ts";
import { runSeries } from "../training-runs/series.ts";
import { measures } from "../training-runs/subjects.ts";

const MECHANISMS = ["exact", "favor", "favor-relu"] as const;
const SUBJECTS = {
  "fashion-mnist": { measure: measures.bitsPerDimension, steps: 300 },
  "pride-and-prejudice": { measure: measures.natsPerByte, steps: 400 },
} as const;
const QUICK = {
  steps: 8,
  length: 128,
  model: { numLayers: 1, modelDim: 32, numHeads: 2, mlpDim: 64, numFeatures: 16 },
} as const;
const SEEDS = [1] as const;
const TRAINING = { tokensPerBatch: 3136, learningRate: 1e-3 } as const;
const MARGIN = 0.015;
const EVALUATIONS = 8;

export const pixelsAndText = defineClaim({
  claim: "pixels-and-text",
  title: "On pixels and on text, FAVOR+ comes within 1.5 % of exact attention's bits after equally many steps.",
  published:
    "arXiv:2009.14794, section 4.3: on ImageNet64 Performer-ReLU 3.67 and Performer-softmax 3.69 bits per dimension.",
  run: async ({ quick, onProgress }) => {
    const names = Object.keys(SUBJECTS) as (keyof typeof SUBJECTS)[]; // the table's own keys
    const total = names.reduce((sum, name) => sum + MECHANISMS.length * SEEDS.length * stepsOf(name, quick), 0);
    const measured: Record<string, { readonly overExact: number; readonly rows: ReturnType<typeof recordsOf> }> = {};
    let before = 0;
    let figure;
    for (const name of names) {
      const { measure } = SUBJECTS[name];
      const steps = stepsOf(name, quick);
      const runs = await runSeries(
        MECHANISMS.map((mechanism) => ({
          label: mechanism,
          mechanism,
          job: {
            subject: { data: name, objective: "causal", quick, ...(quick && { length: QUICK.length }) },
            ...(quick && { model: QUICK.model }),
            training: { ...TRAINING, steps, logInterval: steps },
            evaluations: EVALUATIONS,
          },
        })),
        SEEDS,
        (done, _, what) => onProgress(before + done, total, `${name}, ${what}`),
      );
      before += MECHANISMS.length * SEEDS.length * steps;
      const rows = compareRuns(runs, measure);
      const valueOf = (mechanism: string) => rows.find((row) => row.mechanism === mechanism)?.test ?? Number.NaN;
      measured[name] = { overExact: roundTo(valueOf("favor") / valueOf("exact") - 1, 4), rows: recordsOf(rows) };
      figure = drawComparison(runs, measure);
    }
    if (figure === undefined) throw new RangeError("pixels-and-text: there must be data to compare on");
    return {
      setting: {
        ...TRAINING,
        seeds: [...SEEDS],
        margin: MARGIN,
        steps: Object.fromEntries(names.map((name) => [name, stepsOf(name, quick)])),
      },
      measured: Object.fromEntries(
        Object.entries(measured).map(([name, { overExact, rows }]) => [name, { overExact, rows: [...rows] }]),
      ),
      holds: Object.values(measured).every(({ overExact }) => overExact <= MARGIN),
      figure,
    };
  },
});

function stepsOf(name: keyof typeof SUBJECTS, quick: boolean): number {
  return quick ? QUICK.steps : SUBJECTS[name].steps;
}
