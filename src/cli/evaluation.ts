// A finished model against the unigram baseline, on one split, a residue at a time.

import { getSplit, planEvaluation, proteinVocabulary, unigramBaseline } from "../data/index.ts";
import type { Batch, EncodedSequence, ProteinDataset, SplitName, UnigramBaseline } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Evaluator } from "../training/evaluate.ts";
import type { Progress } from "./output/progress.ts";
import type { RunConfig } from "./run-config.ts";

/** Figures of one split; a residue is predicted from all before it. */
export interface SplitFigures {
  readonly split: SplitName;
  readonly tokens: number;
  readonly accuracy: number;
  readonly perplexity: number;
  readonly lossNats: number;
  /** From the frequencies of the training split; null when the data have none. */
  readonly unigram: UnigramBaseline | null;
}

export interface EvaluateSplitOptions {
  readonly config: RunConfig;
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly dataset: ProteinDataset;
  readonly split: SplitName;
  readonly evaluator: Evaluator;
  /** Counts batches. */
  readonly progress: (total: number) => Progress;
}

/** Batches in which every residue is predicted once and the end of a sequence is not, so that figures compare with the unigram's. */
export function residueBatches(
  { model, training }: RunConfig,
  sequences: readonly EncodedSequence[],
): readonly Batch[] {
  return planEvaluation({
    sequences,
    tokensPerBatch: training.tokensPerBatch,
    maxSeqLen: model.maxSeqLen,
    bucketStep: training.bucketStep,
    vocabulary: proteinVocabulary,
    predictEnd: false,
  });
}

/** @throws DataError when the split is empty */
export async function evaluateSplit(options: EvaluateSplitOptions): Promise<SplitFigures> {
  const { config, tensors, dataset, split, evaluator } = options;
  const sequences = getSplit(dataset, split);
  const batches = residueBatches(config, sequences);
  const progress = options.progress(batches.length);
  try {
    const { tokens, accuracy, perplexity, lossNats } = await evaluator.evaluate(tensors, batches, progress.update);
    const { train } = dataset.splits;
    const unigram = train.length === 0 ? null : unigramBaseline(train, sequences);
    return { split, tokens, accuracy, perplexity, lossNats, unigram };
  } finally {
    progress.stop();
  }
}
