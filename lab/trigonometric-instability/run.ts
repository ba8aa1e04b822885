/** Claim: training with trigonometric features is unstable where training with positive ones is not. */

import { loadEmbeddedProteins, unigramBaseline } from "performer-ts/data";
import { defineClaim, mean, median, quantile, roundTo, type JsonRecord } from "performer-ts/lab";

import { drawTraining } from "./figure.ts";
import type { FeaturesName, LabelledRun, ScaleName } from "./result.ts";
import { LEARNING_RATE, trainRun, type RunSizes, type TrainingRun } from "./training.ts";

const FULL = {
  sizes: {
    numLayers: 2,
    modelDim: 64,
    numHeads: 4,
    numFeatures: 44,
    seqLen: 64,
    tokensPerBatch: 512,
    steps: 250,
    validationBatches: 40,
  },
  seeds: [1, 2, 3],
} as const;
const QUICK = {
  sizes: {
    numLayers: 1,
    modelDim: 32,
    numHeads: 2,
    numFeatures: 44,
    seqLen: 32,
    tokensPerBatch: 128,
    steps: 30,
    validationBatches: 2,
  },
  seeds: [1, 2],
} as const;

/** The library starts queries and keys at 0.3 of full length, where trigonometric features are at their best. */
const LIBRARY_GAIN = 0.3;
const SCALES: Readonly<Record<ScaleName, number>> = { short: 1, full: 1 / LIBRARY_GAIN };
const MECHANISMS = { positive: "favor", trigonometric: "favor-trigonometric" } as const satisfies Record<
  FeaturesName,
  string
>;

/** Twenty times the length to which gradients are shortened, and five times the longest one with positive features. */
const EXPLODED_NORM = 10;
/** Steps at the end of a run whose losses are averaged. */
const LAST_STEPS = 25;

export const trigonometricInstability = defineClaim({
  claim: "trigonometric-instability",
  title:
    "With trigonometric features gradients explode in training and the loss stays behind; with positive ones neither happens.",
  published:
    "arXiv:2009.14794, figure 6: trigonometric softmax features are extremely unstable in training, while positive ones " +
    "train like exact attention.",
  run: async ({ quick, onProgress }) => {
    const { sizes, seeds } = quick ? QUICK : FULL;
    const data = await loadEmbeddedProteins();
    // The keys are those of the tables.
    const scales = Object.keys(SCALES) as ScaleName[];
    const features = Object.keys(MECHANISMS) as FeaturesName[];
    const total = scales.length * features.length * seeds.length * sizes.steps;
    let done = 0;
    const runs: LabelledRun[] = [];
    for (const scale of scales) {
      for (const name of features) {
        for (const seed of seeds) {
          const run = await trainRun({
            mechanism: MECHANISMS[name],
            sizes,
            queryKeyGain: SCALES[scale],
            seed,
            data,
            onStep: () => onProgress(++done, total, `${name} features, seed ${seed}`),
          });
          runs.push({ ...run, scale, features: name, seed });
        }
      }
    }
    return {
      setting: {
        ...describeSizes(sizes),
        learningRate: LEARNING_RATE,
        clipNorm: 0.5,
        queryKeyGain: { short: LIBRARY_GAIN, full: 1 },
        explodedNorm: EXPLODED_NORM,
        lastSteps: LAST_STEPS,
        seeds: [...seeds],
      },
      measured: {
        unigramLossNats: roundTo(Math.log(unigramBaseline(data.splits.train, data.splits.valid).perplexity)),
        ...Object.fromEntries(
          scales.map((scale) => [
            scale,
            Object.fromEntries(
              features.map((name) => [
                name,
                describeRuns(runs.filter((run) => run.scale === scale && run.features === name)),
              ]),
            ),
          ]),
        ),
      },
      holds: isUnstable(runs.filter(({ scale }) => scale === "full")),
      figure: drawTraining(runs, EXPLODED_NORM, finalLoss),
    };
  },
});

function describeSizes(sizes: RunSizes): JsonRecord {
  return { ...sizes, data: "embedded Swiss-Prot families" };
}

/**
 * For every seed: with trigonometric features gradients explode or the run fails, and the final loss is above that of
 * positive features, with which neither happens.
 */
function isUnstable(runs: readonly LabelledRun[]): boolean {
  const positive = runs.filter(({ features }) => features === "positive");
  return positive.every((calm) => {
    const other = runs.find(({ features, seed }) => features === "trigonometric" && seed === calm.seed);
    if (other === undefined || breaksDown(calm)) return false;
    return other.failedAt !== undefined || (breaksDown(other) && finalLoss(other) > finalLoss(calm));
  });
}

function breaksDown({ failedAt, gradientNorms }: TrainingRun): boolean {
  return failedAt !== undefined || explodedSteps({ gradientNorms }) > 0;
}

function explodedSteps({ gradientNorms }: Pick<TrainingRun, "gradientNorms">): number {
  return gradientNorms.filter((norm) => norm > EXPLODED_NORM).length;
}

function finalLoss({ lossNats }: TrainingRun): number {
  return mean(lossNats.slice(-LAST_STEPS));
}

/** Lists run over the seeds. */
function describeRuns(runs: readonly LabelledRun[]): JsonRecord {
  const norms = ({ gradientNorms }: TrainingRun) => gradientNorms;
  return {
    finalLossNats: runs.map((run) => roundTo(finalLoss(run))),
    validationLossNats: runs.map(({ validationLossNats }) =>
      validationLossNats === undefined ? null : roundTo(validationLossNats),
    ),
    nonFiniteAtStep: runs.map(({ failedAt }) => failedAt ?? null),
    explodedSteps: runs.map(explodedSteps),
    medianGradientNorm: runs.map((run) => roundTo(median(norms(run)), 3)),
    largestGradientNorm: runs.map((run) => roundTo(quantile(norms(run), 1), 3)),
  };
}
