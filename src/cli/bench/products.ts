// The matrix products of linear attention and nothing else: the least that any implementation on this engine must compute.

import { CAUSAL_CHUNK } from "../../attention/favor/causal-scan.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { add } from "../../ops/elementwise.ts";
import { reshape, swapLastAxes } from "../../ops/layout.ts";
import { matmul } from "../../ops/matmul.ts";
import { scan } from "../../ops/scan.ts";
import { full } from "../../ops/source.ts";

export const passes = ["forward", "forward+backward"] as const;
export type Pass = (typeof passes)[number];

/** What is multiplied: q, k `[R, L, D]`, v with its column of ones and that one's gradient dU `[R, L, E + 1]`; R = B·H. */
export interface Operands {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly dU: Tensor;
  /** `[M, D]`. */
  readonly projection: Tensor;
}

type Products = Readonly<Record<string, Tensor>>;
type Arrangement = (operands: Operands) => Products;

const transposeA = { transposeA: true } as const;
const transposeB = { transposeB: true } as const;

/** Above this many elements in a tensor of features, all chunks at once would need more memory than the real thing by far. */
const LARGEST_BATCH = 2 ** 26;

/** The same products in two arrangements; the additions that join two products are there too. */
export interface ProductBounds {
  /** One graph of plain products over the whole sequence: what the engine needs when nothing but products is asked for. */
  readonly batched: Arrangement | undefined;
  /** The products alone in the loop that attention itself uses, whose operands stay in the cache. */
  readonly loop: Arrangement;
}

/**
 * @param featureElements of one tensor of features of the whole sequence; where that is too large there is only the loop, as for
 *   forward + backward, where in one graph the engine would compute equal products of both passes once only
 */
export function productBounds(causal: boolean, pass: Pass, featureElements: number): ProductBounds {
  const forward = causal ? causalInScan : bidirectionalByHead;
  if (pass === "forward+backward") {
    const backward = causal ? causalGradients : bidirectionalGradients;
    return { batched: undefined, loop: (operands) => ({ ...forward(operands), ...backward(operands) }) };
  }
  const batched = causal ? causalInBatch : bidirectionalInBatch;
  return { batched: featureElements > LARGEST_BATCH ? undefined : batched, loop: forward };
}

/** x Ωᵀ. */
function project(x: Tensor, projection: Tensor): Tensor {
  return matmul(x, swapLastAxes(projection));
}

/** `[R, L, ·]` → `[N, R, C, ·]`; which rows meet in a chunk does not matter here. */
function chunks(x: Tensor): Tensor {
  const [rows = 0, length = 0, width = 0] = x.shape;
  return reshape(x, [length / CAUSAL_CHUNK, rows, CAUSAL_CHUNK, width]);
}

function emptyState({ q, v, projection }: Operands): Tensor {
  return full([q.shape[0] ?? 0, v.shape[2] ?? 0, projection.shape[0] ?? 0], 0);
}

/** Out of one chunk: φ(q) S + (φ(q) φ(k)ᵀ) v. */
function chunkOutput(queries: Tensor, keys: Tensor, v: Tensor, state: Tensor): Tensor {
  return add(matmul(queries, state, transposeB), matmul(matmul(queries, keys, transposeB), v));
}

const causalInScan: Arrangement = (operands) => {
  const { q, k, v, projection } = operands;
  const { outputs } = scan({
    carry: { S: emptyState(operands) },
    sequences: { q: chunks(q), k: chunks(k), v: chunks(v) },
    body: ({ S }, { q, k, v }) => {
      const [queries, keys] = [project(q, projection), project(k, projection)];
      return { carry: { S: matmul(v, keys, transposeA) }, outputs: { out: chunkOutput(queries, keys, v, S) } };
    },
  });
  return outputs;
};

const causalInBatch: Arrangement = ({ q, k, v, projection }) => {
  const [queries, keys, values] = [project(chunks(q), projection), project(chunks(k), projection), chunks(v)];
  return { out: chunkOutput(queries, keys, values, matmul(values, keys, transposeA)) };
};

/** The two walks of the backward pass of `causalScan`: one for dq, one in reverse for dk and dv. */
const causalGradients: Arrangement = (operands) => {
  const { q, k, v, dU, projection } = operands;
  const sequences = { q: chunks(q), k: chunks(k), v: chunks(v), dU: chunks(dU) };
  const { dq } = scan({
    carry: { S: emptyState(operands) },
    sequences,
    body: ({ S }, { q, k, v, dU }) => {
      const keys = project(k, projection);
      const dQueries = add(matmul(dU, S), matmul(matmul(dU, v, transposeB), keys));
      // The features of the query enter their own gradient.
      const dq = matmul(add(dQueries, project(q, projection)), projection);
      return { carry: { S: matmul(v, keys, transposeA) }, outputs: { dq } };
    },
  }).outputs;
  const { dk, dv } = scan({
    carry: { G: emptyState(operands) },
    sequences,
    reverse: true,
    body: ({ G }, { q, k, v, dU }) => {
      const [queries, keys] = [project(q, projection), project(k, projection)];
      const dKeys = add(matmul(matmul(dU, v, transposeB), queries, transposeA), matmul(v, G));
      const dv = add(matmul(matmul(queries, keys, transposeB), dU, transposeA), matmul(keys, G, transposeB));
      return { carry: { G: matmul(dU, queries, transposeA) }, outputs: { dk: matmul(dKeys, projection), dv } };
    },
  }).outputs;
  return { dq, dk, dv };
};

const bidirectionalInBatch: Arrangement = ({ q, k, v, projection }) => {
  const state = matmul(v, project(k, projection), transposeA);
  return { out: matmul(project(q, projection), state, transposeB) };
};

const bidirectionalByHead: Arrangement = ({ q, k, v, projection }) =>
  scan({
    carry: {},
    sequences: { q, k, v },
    body: (_, head) => ({ carry: {}, outputs: bidirectionalInBatch({ ...head, dU: head.v, projection }) }),
  }).outputs;

const bidirectionalGradients: Arrangement = ({ q, k, v, dU, projection }) => {
  const { dq, dS } = scan({
    carry: {},
    sequences: { q, dU },
    body: (_, { q, dU }) => {
      const dS = matmul(dU, project(q, projection), transposeA);
      // The product with the state of the forward pass; any state of its shape costs the same.
      return { carry: {}, outputs: { dq: matmul(matmul(dU, dS), projection), dS } };
    },
  }).outputs;
  const { dk, dv } = scan({
    carry: {},
    sequences: { k, v, dS },
    body: (_, { k, v, dS }) => {
      const keys = project(k, projection);
      return {
        carry: {},
        outputs: { dk: matmul(matmul(v, dS), projection), dv: matmul(keys, dS, transposeB) },
      };
    },
  }).outputs;
  return { dq, dk, dv };
};
