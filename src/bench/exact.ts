/** Exact attention in all the ways it can be had here: the rivals whose cost grows with the square of the length. */

import { exact } from "../attention/exact.ts";
import type { Tensor } from "../graph/tensor.ts";
import { headShapes, outputsOf, type AttentionCase, type Prepare } from "./contender.ts";
import { exactInChunks } from "./exact-in-chunks.ts";
import { fusedExactAttention } from "./fused-exact.ts";
import type { Contender } from "./measure.ts";

/** Beyond this length exact attention takes many seconds a run. */
export const LONGEST_EXACT = 16384;

/** Exact attention is measured in every round until its runs have taken this long: one run decides at great lengths. */
export const EXACT_BUDGET_MS = 5000;

export const exactNames = {
  fused: "exact (fused)",
  wholeMatrix: "exact",
  chunked: "exact (in chunks)",
  lowerBound: "exact (fused), forward alone",
} as const;

/** Which of them do all that linear attention does in the same pass. */
export const completeExact: readonly string[] = [exactNames.fused, exactNames.wholeMatrix, exactNames.chunked];

/**
 * Bytes of the `[H, L, L]` matrices that an exact attention holds at a time, as measured at 1,024 to 4,096 tokens
 * (`performer bench memory`): 4.2 to 4.8 of them where all are kept for the gradient, 1.3 in the engine's causal op,
 * none in its bidirectional one and in chunks.
 */
export function matrixBytes(name: string, { numHeads, seqLen, causal }: AttentionCase): number {
  const matrix = 4 * numHeads * seqLen ** 2;
  if (name === exactNames.wholeMatrix) return 4.2 * matrix;
  return name !== exactNames.chunked && causal ? 1.3 * matrix : 0;
}

/** One of `exactNames`, for the pass that it has. */
export function exactContender(prepare: Prepare, name: string, each: AttentionCase): Promise<Contender> {
  const { numHeads, headDim, seqLen, causal } = each;
  if (name === exactNames.fused || name === exactNames.lowerBound) {
    const merged = [1, seqLen, numHeads * headDim];
    const build = ({ q, k, v }: Readonly<Record<"q" | "k" | "v", Tensor>>) => ({
      out: fusedExactAttention(q, k, v, { numHeads, causal }),
    });
    return prepare(name, build, { q: merged, k: merged, v: merged });
  }
  const attend = name === exactNames.chunked ? exactInChunks : wholeMatrix;
  return prepare(
    name,
    ({ q, k, v, dOut }) => outputsOf(each.pass, attend(q, k, v, causal), { q, k, v, dOut }),
    headShapes(each),
  );
}

function wholeMatrix(q: Tensor, k: Tensor, v: Tensor, causal: boolean): Tensor {
  return exact.apply(q, k, v, { causal });
}

/**
 * Forward: the engine's fused op. Forward + backward, which that op has not: the mechanism `exact` while its L × L
 * matrices fit, the same in chunks of queries, and, where the first no longer fits, the fused forward alone, which is
 * less than any of them must do.
 *
 * @param budgetBytes memory that L × L matrices may take
 */
export async function exactContenders(
  prepare: Prepare,
  each: AttentionCase,
  budgetBytes: number,
): Promise<readonly Contender[]> {
  if (each.seqLen > LONGEST_EXACT) return [];
  const { fused, wholeMatrix, chunked, lowerBound } = exactNames;
  const names =
    each.pass === "forward"
      ? [fused]
      : [matrixBytes(wholeMatrix, each) <= budgetBytes ? wholeMatrix : lowerBound, chunked];
  const contenders: Contender[] = [];
  for (const name of names) {
    contenders.push({ ...(await exactContender(prepare, name, each)), budgetMs: EXACT_BUDGET_MS });
  }
  return contenders;
}
