/**
 * The matrix of attention weights of any mechanism, approximate ones included: one-hot values through the mechanism
 * itself.
 */
import { GraphError, problem } from "../graph/errors.ts";
import { ndarray } from "../graph/ndarray.ts";
import type { AttentionArray } from "./arrays.ts";
import { attend, checkOptions, type ArrayAttentionOptions } from "./attend.ts";
import { readBatches, type Batch } from "./batch.ts";
import { LARGEST_ARRAY_BYTES } from "./favor/projections.ts";

export interface AttentionMatrix {
  /**
   * Row-major; a row holds the weights that a query gives to the keys. Its sum is 1, or 0 where no key is real (and
   * towards 0 where float32 has no digits left, as favorAttention tells).
   */
  readonly data: Float32Array;
  /** `[numHeads, L, S]`, or `[batch, numHeads, L, S]` for arrays with a batch. */
  readonly dims: readonly number[];
}

/**
 * The weights with which attention mixes the values: A in out = A v. With the options of a call of `favorAttention`,
 * its own weights.
 *
 * The one-hot values make it as large and as slow as exact attention is: for looking at, not for computing with.
 *
 * @throws GraphError as favorAttention, and when the matrix is too large for an engine
 *
 * @example
 * const approximate = await attentionMatrix({ q, k }, { numHeads: 8, causal: true, seed: 7 });
 * const exact = await attentionMatrix({ q, k }, { numHeads: 8, causal: true, mechanism: "exact" });
 * Source: appendix C.4 (figures 10 to 13), arXiv:2009.14794.
 */
export async function attentionMatrix(
  arrays: { readonly q: AttentionArray; readonly k: AttentionArray },
  options: ArrayAttentionOptions = {},
): Promise<AttentionMatrix> {
  const who = "attentionMatrix";
  const { numHeads, causal } = checkOptions(who, options);
  const layout = { numHeads, headDim: options.headDim, causal };
  const { q, k } = readBatches(who, { q: arrays?.q, k: arrays?.k }, layout);
  const [batch, L] = q.shape;
  const S = k.shape[1];
  checkSize([batch, numHeads, L, S]);
  const { data } = await attend(who, { q, k, v: oneHot(batch, numHeads, S) }, options);
  const matrix = new Float32Array(data.length);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < L; t++) {
      for (let h = 0; h < numHeads; h++) {
        const source = ((b * L + t) * numHeads + h) * S;
        matrix.set(data.subarray(source, source + S), ((b * numHeads + h) * L + t) * S);
      }
    }
  }
  const dims = [batch, numHeads, L, S];
  return { data: matrix, dims: q.batched ? dims : dims.slice(1) };
}

/** Values of which the s-th is 1 in column s of every head and 0 elsewhere: `[B, S, H·S]`. */
function oneHot(batch: number, numHeads: number, length: number): Batch {
  const width = numHeads * length;
  const data = new Float32Array(batch * length * width);
  for (let row = 0; row < batch * length; row++) {
    for (let h = 0; h < numHeads; h++) data[row * width + h * length + (row % length)] = 1;
  }
  const shape = [batch, length, width] as const;
  return { ...ndarray(data, shape), data, shape, batched: true };
}

/** The one-hot values are as large as the square of the keys, the matrix as queries times keys. */
function checkSize([batch = 1, numHeads = 1, L = 1, S = 1]: readonly number[]): void {
  const bytes = 4 * batch * numHeads * S * Math.max(L, S);
  if (bytes <= LARGEST_ARRAY_BYTES) return;
  throw new GraphError(
    problem`attentionMatrix: the matrix must fit an array of 2 GiB, got ${(bytes / 2 ** 30).toFixed(1)} GiB for
    [${[batch, numHeads, L, S].join(", ")}]; give one head, or a part of the queries and keys`,
  );
}
