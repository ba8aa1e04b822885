/**
 * The matrix products of linear attention and nothing else: the least that any implementation on this engine must
 * compute.
 */

import { CAUSAL_CHUNK } from "../attention/favor/causal-scan.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add } from "../ops/elementwise.ts";
import { reshape, swapLastAxes } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { scan } from "../ops/scan.ts";
import { full } from "../ops/source.ts";

export const passes = ["forward", "forward+backward"] as const;
export type Pass = (typeof passes)[number];

/**
 * What is multiplied: q, k `[R, L, D]`, v with its column of ones and that one's gradient dU `[R, L, E + 1]`; R = B·H.
 */
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

/**
 * Above this many elements in a tensor of features, all chunks at once would need more memory than the real thing by
 * far.
 */
const LARGEST_BATCH = 2 ** 26;

/** The same products in two arrangements; the additions that join two products are there too. */
export interface ProductBounds {
  /**
   * One graph of plain products over the whole sequence, each of them once: what the engine needs when nothing but
   * products is asked for. Undefined where that needs too much memory.
   */
  readonly batched: Arrangement | undefined;
  /**
   * The products alone in the loops that attention itself uses, whose operands stay in the cache; backward, features
   * once more.
   */
  readonly loop: Arrangement;
}

/**
 * @param featureElements of one tensor of features of the whole sequence; where that is too large there is only the
 * loop
 */
export function productBounds(causal: boolean, pass: Pass, featureElements: number): ProductBounds {
  const { batched, loop } = (causal ? arrangements.causal : arrangements.bidirectional)[pass];
  return { batched: featureElements > LARGEST_BATCH ? undefined : batched, loop };
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

/**
 * Forward and backward, nothing twice: features, states and weights of the forward pass are kept for the backward one.
 */
const causalGradientsInBatch: Arrangement = ({ q, k, v, dU, projection }) => {
  const [queries, keys, values, dValues] = [
    project(chunks(q), projection),
    project(chunks(k), projection),
    chunks(v),
    chunks(dU),
  ];
  const S = matmul(values, keys, transposeA);
  const G = matmul(dValues, queries, transposeA);
  const weights = matmul(queries, keys, transposeB);
  const dWeights = matmul(dValues, values, transposeB);
  return {
    out: add(matmul(queries, S, transposeB), matmul(weights, values)),
    dq: matmul(add(matmul(dValues, S), matmul(dWeights, keys)), projection),
    dk: matmul(add(matmul(dWeights, queries, transposeA), matmul(values, G)), projection),
    dv: add(matmul(weights, dValues, transposeA), matmul(keys, G, transposeB)),
  };
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

/** Forward and backward, nothing twice. */
const bidirectionalGradientsInBatch: Arrangement = ({ q, k, v, dU, projection }) => {
  const [queries, keys] = [project(q, projection), project(k, projection)];
  const S = matmul(v, keys, transposeA);
  const dS = matmul(dU, queries, transposeA);
  return {
    out: matmul(queries, S, transposeB),
    dq: matmul(matmul(dU, S), projection),
    dk: matmul(matmul(v, dS), projection),
    dv: matmul(keys, dS, transposeB),
  };
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

const both =
  (forward: Arrangement, backward: Arrangement): Arrangement =>
  (operands) => ({ ...forward(operands), ...backward(operands) });

const arrangements = {
  causal: {
    forward: { batched: causalInBatch, loop: causalInScan },
    "forward+backward": { batched: causalGradientsInBatch, loop: both(causalInScan, causalGradients) },
  },
  bidirectional: {
    forward: { batched: bidirectionalInBatch, loop: bidirectionalByHead },
    "forward+backward": {
      batched: bidirectionalGradientsInBatch,
      loop: both(bidirectionalByHead, bidirectionalGradients),
    },
  },
} satisfies Record<string, Record<Pass, { readonly batched: Arrangement; readonly loop: Arrangement }>>;
