/**
 * Claim: on pixels and on text, FAVOR+ beside a few local heads comes as far as exact attention in equally many steps.
 */

import type { MechanismChoice } from "performer-ts/attention";
import { defineClaim, roundTo, type JsonRecord } from "performer-ts/lab";
import { drawPanels, type Panel } from "../compare/figure.ts";
import { compareRuns, recordsOf } from "../compare/rows.ts";
import { QUICK_MODEL } from "../training-runs/proteins.ts";
import { runSeries } from "../training-runs/series.ts";
import { measures } from "../training-runs/subject.ts";

/**
 * All but the first are linear in the length. The window holds a row of an image, with the pixel above, or half a line
 * of text.
 */
const MECHANISMS = {
  exact: "exact",
  "favor + local": {
    heads: [
      { name: "local", window: 32, numHeads: 2 },
      { name: "favor", numHeads: 2 },
    ],
  },
  "favor + 3 local": {
    heads: [
      { name: "local", window: 32, numHeads: 3 },
      { name: "favor", numHeads: 1 },
    ],
  },
  favor: "favor",
  "favor-relu": "favor-relu",
} as const satisfies Record<string, MechanismChoice>;
const JUDGED = "favor + local";
const SUBJECTS = {
  "fashion-mnist": { measure: measures.bitsPerDimension, steps: 300 },
  "pride-and-prejudice": { measure: measures.natsPerByte, steps: 400 },
} as const;
const QUICK = {
  steps: 8,
  length: 128,
  model: { ...QUICK_MODEL, numHeads: 4 },
} as const;
const LABELS = Object.keys(MECHANISMS) as (keyof typeof MECHANISMS)[]; // the table's own keys
const SEEDS = [1] as const;
const TRAINING = { tokensPerBatch: 3136, learningRate: 1e-3 } as const;
const MARGIN = 0.015;
const EVALUATIONS = 8;

export const pixelsAndText = defineClaim({
  claim: "pixels-and-text",
  title:
    "On pixels and on text, FAVOR+ in half of the heads beside a sliding window of 32 in the others comes within 1.5 % of exact attention's " +
    "bits after equally many steps.",
  published:
    "arXiv:2009.14794, section 4.3: on ImageNet64 Performer-ReLU 3.67 and Performer-softmax 3.69 bits per dimension.",
  run: async ({ quick, onProgress }) => {
    const names = Object.keys(SUBJECTS) as (keyof typeof SUBJECTS)[]; // the table's own keys
    const total = names.reduce((sum, name) => sum + LABELS.length * SEEDS.length * stepsOf(name, quick), 0);
    const measured: Record<string, JsonRecord & { readonly overExact: number }> = {};
    let before = 0;
    const panels: Panel[] = [];
    for (const name of names) {
      const { measure } = SUBJECTS[name];
      const steps = stepsOf(name, quick);
      const runs = await runSeries(
        LABELS.map((label) => ({
          label,
          mechanism: MECHANISMS[label],
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
      before += LABELS.length * SEEDS.length * steps;
      const rows = compareRuns(runs, measure);
      const valueOf = (label: string) => rows.find(({ mechanism }) => mechanism === label)?.test ?? Number.NaN;
      const over = (label: string) => roundTo(valueOf(label) / valueOf("exact") - 1, 4);
      measured[name] = {
        overExact: over(JUDGED),
        favorAloneOverExact: over("favor"),
        reluAloneOverExact: over("favor-relu"),
        rows: [...recordsOf(rows)],
      };
      panels.push({ title: `${name}, ${measure.name}`, runs, measure });
    }
    return {
      setting: {
        ...TRAINING,
        seeds: [...SEEDS],
        margin: MARGIN,
        steps: Object.fromEntries(names.map((name) => [name, stepsOf(name, quick)])),
      },
      measured,
      holds: Object.values(measured).every(({ overExact }) => overExact <= MARGIN),
      figure: drawPanels(panels, "steps"),
    };
  },
});

function stepsOf(name: keyof typeof SUBJECTS, quick: boolean): number {
  return quick ? QUICK.steps : SUBJECTS[name].steps;
}
