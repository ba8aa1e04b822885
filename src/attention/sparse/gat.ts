/** Graph attention network: attention along edges with additive coefficients. */
import * as z from "zod";
import { GraphError, problem } from "../../graph/errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { maximum, mul } from "../../ops/elementwise.ts";
import { reshape } from "../../ops/layout.ts";
import { sum } from "../../ops/reduce.ts";
import { concat } from "../../ops/slicing.ts";
import { full } from "../../ops/source.ts";
import { configurable } from "../configurable.ts";
import { attendEdges, edgeOptions, refuseEdges } from "./edges.ts";
import { expectSelfAttention } from "./shapes.ts";

const options = z.strictObject({
  ...edgeOptions,
  /** Slope of LeakyReLU below 0. Default 0.2, as published. */
  negativeSlope: z.number().min(0).max(1).default(0.2),
});

/**
 * Σ_j α_ij v_j over the edges j → i, with α_ij = softmax_j(LeakyReLU(a_q · q_i + a_k · k_j)); 0 for a position without
 * any.
 *
 * The paper has one transformed feature h_i = W x_i for the three of them, and the vector a = [a_q, a_k]; here a
 * model's own weights of queries, keys and values each make theirs, of which one shared W is a case. The vectors are
 * trained, one pair a head: `queryWeight` and `keyWeight` `[H, D]`.
 *
 * Source: equations 3 and 4, arXiv:1710.10903.
 */
export const gat = configurable("gat", options, (given) => ({
  name: "gat",
  summary: "graph attention along given edges, with the additive coefficients of GAT",
  complexity: "O(edges)",
  initialise: () => undefined,
  refuse: (use) => refuseEdges(given, use),
  // Glorot's √(2 / (fan-in + fan-out)), as published, of a vector of 2 D numbers to one.
  parameters: ({ numHeads, headDim }) => {
    const weight = { shape: [numHeads, headDim], init: { std: Math.sqrt(2 / (2 * headDim + 1)) } };
    return { queryWeight: weight, keyWeight: weight };
  },
  apply: (q, k, v, { causal, keyMask, parameters }) => {
    expectSelfAttention("gatAttention", q, k, v, keyMask);
    const share = (x: Tensor, name: string) => {
      const [H = 0, D = 0] = parameters?.[name]?.shape ?? [];
      // Row by row: a product with one column would round by how many rows there are, and so by what follows.
      return sum(mul(x, reshape(parameterOf(parameters, name), [H, 1, D])), { axes: [-1], keepDims: true });
    };
    const ones = full([...q.shape.slice(0, -1), 1], 1);
    // [a · q, 1] · [1, a · k] is the sum of both.
    const query = concat([share(q, "queryWeight"), ones], -1);
    const key = concat([ones, share(k, "keyWeight")], -1);
    const activation = (scores: Tensor) => maximum(scores, mul(scores, given.negativeSlope));
    return attendEdges("gatAttention", { q: query, k: key, v, keyMask, causal, activation }, given);
  },
}));

function parameterOf(parameters: Readonly<Record<string, Tensor>> | undefined, name: string): Tensor {
  const found = parameters?.[name];
  if (found !== undefined) return found;
  throw new GraphError(
    problem`gatAttention: parameter '${name}' [H, D] must be given, got nothing; initialise it by 'parameters'`,
  );
}
