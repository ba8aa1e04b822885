/**
 * Claim: which amino acids evolution exchanges can be read from the attention of a protein model that was never told.
 */

import { createBackend } from "performer-ts";
import { embeddedProteinsUrl, loadProteins, openFile, proteinVocabulary } from "performer-ts/data";
import {
  compareSimilarity,
  embeddingSimilarity,
  headSimilarity,
  loadBlosum62,
  pairSimilarity,
  residueAttention,
  type SimilarityComparison,
  type SimilarityMatrix,
} from "performer-ts/inference";
import { defineClaim, roundTo, type JsonRecord } from "performer-ts/lab";
import { modelConfig } from "performer-ts/model";
import { initialState, train, trainingConfig, type TrainingState } from "performer-ts/training";
import { drawCorrelations, type Measurement } from "./figure.ts";
import { TRAINING } from "../training-runs/proteins.ts";
import { loadSubject } from "../training-runs/subjects.ts";

const FULL = {
  steps: 800,
  measurements: 8,
  sequences: 256,
  model: { modelDim: 128, numLayers: 4, numHeads: 4, mlpDim: 512, numFeatures: 64, dropout: 0 },
} as const;
const QUICK = {
  steps: 8,
  measurements: 2,
  sequences: 24,
  model: { modelDim: 24, numLayers: 2, numHeads: 2, mlpDim: 48, numFeatures: 12, dropout: 0 },
} as const;
const SEED = 1;
const MECHANISM = "favor-relu";
/** Attention summed over pairs of residues and normalised, as published. */
const JUDGED = "pairs";
const LEAST_CORRELATION = 0.3;
/** The top share of all pairs, in which chemically similar ones must be. */
const TOP_SHARE = 0.15;

export const similarityMatrix = defineClaim({
  claim: "similarity-matrix",
  title:
    "The attention of a masked Performer-ReLU between amino acids correlates with BLOSUM62 (r ≥ 0.30), and D–E, F–Y, I–V and K–R are among " +
    "the most similar 15 % of pairs.",
  published:
    "arXiv:2009.14794, figure 10: similarity matrix from the attention of a Performer beside BLOSUM; (D, E) and (F, Y) are recognized as similar.",
  run: async ({ quick, onProgress }) => {
    const { steps, measurements, sequences, model } = quick ? QUICK : FULL;
    const training = trainingConfig({
      ...TRAINING,
      seed: SEED,
      steps,
      checkpointInterval: Math.ceil(steps / measurements),
    });
    const subject = await loadSubject({ data: "proteins", objective: "masked", quick }, training);
    const config = modelConfig({ ...subject.model, ...model, mechanism: MECHANISM });
    const backend = createBackend();
    const { splits } = await loadProteins({
      source: openFile(embeddedProteinsUrl),
      name: "the embedded Swiss-Prot families",
      splitBy: "header",
    });
    const held = splits.test.slice(0, sequences);
    const blosum = await loadBlosum62();
    const measured: (Measurement & { readonly compared: Readonly<Record<string, SimilarityComparison>> })[] = [];

    async function measure({ step, model: tensors }: Pick<TrainingState, "step" | "model">): Promise<void> {
      const attention = await residueAttention({
        config,
        tensors,
        vocabulary: proteinVocabulary,
        backend,
        sequences: held,
      });
      const views: Readonly<Record<string, SimilarityMatrix>> = {
        pairs: pairSimilarity(attention),
        heads: headSimilarity(attention),
        embeddings: embeddingSimilarity({ tensors, vocabulary: proteinVocabulary }),
      };
      const compared = Object.fromEntries(
        Object.entries(views).map(([view, matrix]) => [view, compareSimilarity(matrix, blosum)]),
      );
      const correlations = Object.entries(compared).map(([view, { correlation }]) => ({ view, correlation }));
      measured.push({ step, correlations, compared });
    }

    // Before training there is nothing to be seen, which is what the rest must be held against.
    await measure(initialState(config, training.seed));
    await train({
      config,
      training,
      backend,
      batches: subject.batches(training.seed),
      onStep: ({ step }) => onProgress(step, steps, "training"),
      onCheckpoint: measure,
    });
    const last = measured.at(-1)?.compared ?? {};
    const judged = last[JUDGED];
    const topPairs = TOP_SHARE * (judged?.pairs ?? 0);
    const holds =
      judged !== undefined &&
      judged.correlation >= LEAST_CORRELATION &&
      judged.noted.every(({ rank }) => rank <= topPairs);
    return {
      setting: {
        ...TRAINING,
        seed: SEED,
        steps,
        sequences: held.length,
        mechanism: MECHANISM,
        judged: JUDGED,
        model: { ...model },
      },
      measured: {
        atEnd: Object.fromEntries(Object.entries(last).map(([view, comparison]) => [view, recordOf(comparison)])),
        course: measured.map(({ step, correlations }) => ({
          step,
          ...Object.fromEntries(correlations.map(({ view, correlation }) => [view, roundTo(correlation, 3)])),
        })),
      },
      holds,
      figure: drawCorrelations(measured, LEAST_CORRELATION),
    };
  },
});

function recordOf({ correlation, interval, pValue, noted, ranked }: SimilarityComparison): JsonRecord {
  return {
    correlation: roundTo(correlation, 3),
    interval: { low: roundTo(interval.low, 3), high: roundTo(interval.high, 3) },
    pValue: roundTo(pValue, 2),
    ranks: Object.fromEntries(noted.map(({ pair, rank }) => [pair, rank])),
    nearest: ranked.slice(0, 10).map(({ pair }) => pair),
  };
}
