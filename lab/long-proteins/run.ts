/** Claim: at 8,192 tokens a Performer beats the largest Transformer that fits into the same memory. */

import { defineClaim, roundTo } from "performer-ts/lab";
import { proteinVocabulary } from "performer-ts/data";
import { modelConfig, type ModelOptions } from "performer-ts/model";
import { estimateMemory, trainingConfig } from "performer-ts/training";
import { drawComparison } from "../compare/figure.ts";
import { compareRuns, recordsOf } from "../compare/rows.ts";
import { runSeries } from "../training-runs/series.ts";
import { measures } from "../training-runs/subject.ts";

interface Size {
  readonly numLayers: number;
  readonly modelDim: number;
  readonly numHeads: number;
}

/** From the Performer's own size down. */
const TRANSFORMERS: readonly Size[] = [
  { numLayers: 4, modelDim: 128, numHeads: 4 },
  { numLayers: 3, modelDim: 128, numHeads: 4 },
  { numLayers: 2, modelDim: 128, numHeads: 4 },
  { numLayers: 2, modelDim: 128, numHeads: 2 },
  { numLayers: 1, modelDim: 128, numHeads: 4 },
  { numLayers: 1, modelDim: 128, numHeads: 2 },
  { numLayers: 1, modelDim: 64, numHeads: 1 },
  { numLayers: 1, modelDim: 32, numHeads: 1 },
];
const FULL = { length: 8192, steps: 160, limitBytes: 5.5e9, sizes: TRANSFORMERS } as const;
const QUICK = {
  length: 512,
  steps: 12,
  limitBytes: 1.5e8,
  sizes: TRANSFORMERS.map((size) => ({ ...size, modelDim: size.modelDim / 4 })),
} as const;
/** Both linear in the length. Among thousands of tokens of other proteins ReLU features alone lose the neighbours. */
const PERFORMERS = {
  "Performer-ReLU + local": {
    heads: [
      { name: "local", window: 32, numHeads: 2 },
      { name: "favor-relu", numHeads: 2 },
    ],
  },
  "Performer-ReLU": "favor-relu",
} as const satisfies Record<string, ModelOptions["mechanism"]>;
const JUDGED = "Performer-ReLU + local";
const LARGEST = "the largest Transformer";
const TRAINING = { learningRate: 2e-3 } as const;
const SEEDS = [1] as const;
const EVALUATIONS = 6;

export const longProteins = defineClaim({
  claim: "long-proteins",
  title:
    "On rows of 8,192 tokens of proteins a Performer with half of its heads local tells more residues than the largest Transformer that fits " +
    "into the same memory.",
  published:
    "arXiv:2009.14794, section 4.4: TrEMBL joined to L = 8,192; a Performer of 6 layers about 24 %, the largest Transformer that fits " +
    "(3 layers, d = 256) about 19 %.",
  run: async ({ quick, onProgress }) => {
    const { length, steps, limitBytes, sizes } = quick ? QUICK : FULL;
    const training = { ...TRAINING, tokensPerBatch: length, steps, logInterval: steps };
    const needed = (size: Size, mechanism: ModelOptions["mechanism"]) =>
      estimateMemory({
        config: modelConfig({
          ...optionsOf(size),
          vocabSize: proteinVocabulary.size,
          maxSeqLen: length,
          ...(mechanism !== undefined && { mechanism }),
        }),
        training: trainingConfig(training),
        shapes: [{ batchSize: 1, seqLen: length }],
        checkpoints: false,
      }).totalBytes;
    const [own = TRANSFORMERS[0]] = sizes;
    if (own === undefined) throw new RangeError("long-proteins: there must be a size");
    const largest = sizes.find((size) => needed(size, "exact") <= limitBytes);
    if (largest === undefined) throw new RangeError("long-proteins: a Transformer must fit, none does");
    const job = {
      subject: { data: "proteins", objective: "causal", quick, length, concatenate: true },
      training,
      evaluations: EVALUATIONS,
    } as const;
    const runs = await runSeries(
      [
        ...Object.entries(PERFORMERS).map(([label, mechanism]) => ({
          label,
          mechanism,
          job: { ...job, model: optionsOf(own) },
        })),
        { label: LARGEST, mechanism: "exact", job: { ...job, model: optionsOf(largest) } },
      ],
      SEEDS,
      onProgress,
    );
    const rows = compareRuns(runs, measures.perplexity);
    const accuracy = (label: string) => rows.find(({ mechanism }) => mechanism === label)?.accuracy ?? 0;
    const performerBytes = needed(own, PERFORMERS[JUDGED]);
    return {
      setting: { ...TRAINING, length, steps, limitBytes, seeds: [...SEEDS], performer: { ...own } },
      measured: {
        performerBytes: roundTo(performerBytes, 3),
        transformerOfThatSizeBytes: roundTo(needed(own, "exact"), 3),
        largestTransformer: { ...largest },
        largestTransformerBytes: roundTo(needed(largest, "exact"), 3),
        rows: [...recordsOf(rows)],
      },
      holds: performerBytes <= limitBytes && needed(own, "exact") > limitBytes && accuracy(JUDGED) > accuracy(LARGEST),
      figure: drawComparison(runs, measures.accuracy, "steps"),
    };
  },
});

function optionsOf({ modelDim, ...size }: Size) {
  return { ...size, modelDim, mlpDim: 4 * modelDim, numFeatures: 64, dropout: 0 };
}
