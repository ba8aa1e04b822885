/** The similarity of amino acids in a trained model, in every view, beside BLOSUM62. */

import { ArgumentError, problem } from "../../graph/errors.ts";
import { DataError, standardResidues, type EncodedSequence } from "../../data/index.ts";
import { residuePredictions } from "../../inference/residue-predictions.ts";
import { residueAttention, type ResidueAttentionOptions } from "../../inference/residue-attention.ts";
import { compareSimilarity, type SimilarityComparison } from "../../inference/similarity-comparison.ts";
import {
  embeddingSimilarity,
  headSimilarity,
  LEAST_HEADS,
  pairSimilarity,
  predictionSimilarity,
  similarityMeanings,
  similarityViews,
  type SimilarityMatrix,
  type SimilarityView,
} from "../../inference/similarity.ts";
import { loadBlosum62 } from "../../inference/substitution-matrix.ts";
import type { SimilarityResult } from "../../views/attention/similarity-figure.ts";
import { formatCount } from "../../text/numbers.ts";

export interface SimilarityOptions extends ResidueAttentionOptions {
  /** Read once for each kind of view. */
  readonly sequences: readonly EncodedSequence[];
  /** Default: heads, as published, or pairs where there are too few heads to correlate over. */
  readonly view?: SimilarityView | undefined;
  readonly seed: number;
  /** Where the sequences are from. */
  readonly source: string;
  /**
   * Called like onProgress during the pass that predicts residues. An encoder reads each sequence `predictionPasses`
   * times.
   */
  readonly onPrediction?: (tokens: number) => void;
}

export async function measureSimilarity(options: SimilarityOptions): Promise<SimilarityResult> {
  const { tensors, vocabulary, seed, source } = options;
  const attention = await residueAttention(options);
  const heads = attention.maps.length;
  const view = options.view ?? (heads < LEAST_HEADS ? "pairs" : "heads");
  // This doubles the number of passes, so it runs only when it is asked for.
  const predictions =
    view === "predictions"
      ? await residuePredictions({ ...options, ...(options.onPrediction && { onProgress: options.onPrediction }) })
      : undefined;
  const matrices: Partial<Record<SimilarityView, () => SimilarityMatrix>> = {
    heads: () => headSimilarity(attention),
    pairs: () => pairSimilarity(attention),
    embeddings: () => embeddingSimilarity({ tensors, vocabulary }),
    ...(predictions && { predictions: () => predictionSimilarity(predictions) }),
  };
  const blosum = await loadBlosum62();
  const left: string[] = [];
  const measured = similarityViews
    .filter((each) => each === view || each !== "heads" || heads >= LEAST_HEADS)
    .flatMap((each) => {
      try {
        const matrix = matrices[each]?.();
        if (matrix === undefined) return [];
        return [{ view: each, matrix, comparison: compareSimilarity(matrix, blosum, { seed }) }];
      } catch (error) {
        // What nobody asked for must not stand in the way of what was.
        if (each === view || !(error instanceof DataError)) throw error;
        left.push(`The view ${each} is left out: ${error.rule}, got ${error.got}.`);
        return [];
      }
    });
  const shown = measured.find((each) => each.view === view);
  if (shown === undefined)
    throw new ArgumentError(
      problem`measureSimilarity: view '${view}' must be one of ${similarityViews.join(", ")}, got another; take one of these`,
    );
  const { matrix, comparison } = shown;
  const reference = {
    letters: standardResidues,
    values: Array.from(standardResidues, (a) =>
      Array.from(standardResidues, (b) => (a === b ? Number.NaN : blosum.score(a, b))),
    ),
  };
  const { sequences, residues } = attention;
  return {
    view,
    meaning: similarityMeanings[view],
    matrix,
    reference,
    comparison,
    views: measured.map(({ view: each, comparison: { correlation, interval, pValue } }) => ({
      view: each,
      correlation,
      interval,
      pValue,
    })),
    sequences,
    residues,
    heads,
    conclusion: concludeFrom(comparison),
    notes: [
      `Summed over ${formatCount(sequences)} sequences (${formatCount(residues)} residues) of ${source} and ${heads} heads, special tokens left out.`,
      ...(options.view === undefined && view === "pairs"
        ? [`There are too few heads to correlate over them, ${heads}, so pairs are shown.`]
        : []),
      ...left,
    ],
  };
}

function concludeFrom({ correlation, interval, pValue, with: reference, noted, pairs }: SimilarityComparison): string {
  const figures =
    `the correlation with ${reference} is ${correlation.toFixed(2)} (95 % interval ${interval.low.toFixed(2)} to ` +
    `${interval.high.toFixed(2)})`;
  const ranks = noted.map(({ pair, rank }) => `${pair.split("").join("–")} ${rank}`).join(", ");
  const said =
    pValue < 0.01 && correlation > 0
      ? `The model treats amino acids alike that evolution exchanges: ${figures}.`
      : pValue < 0.05 && correlation > 0
        ? `There are signs that the model treats amino acids alike that evolution exchanges: ${figures}.`
        : `It cannot be told from chance whether the model treats amino acids alike that evolution exchanges: ${figures}.`;
  return `${said} Ranks among the ${pairs} pairs: ${ranks}.`;
}
