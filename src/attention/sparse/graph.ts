/** Attention along the edges of a given graph, with dot products. */
import * as z from "zod";
import { configurable } from "../configurable.ts";
import { scaled } from "./block-sparse.ts";
import { attendEdges, edgeOptions, refuseEdges } from "./edges.ts";
import { expectSelfAttention } from "./shapes.ts";

/**
 * Σ_j softmax_j(q_i · k_j / √D) v_j over the edges j → i; 0 for a position without any.
 *
 * Source: arXiv:2012.09699 (graph transformer; its edge features and encodings of positions are the model's matter).
 */
export const graph = configurable("graph", z.strictObject(edgeOptions), (options) => ({
  name: "graph",
  summary: "exact attention along given edges",
  complexity: "O(edges)",
  basisFree: true,
  initialise: () => undefined,
  refuse: (use) => refuseEdges(options, use),
  apply: (q, k, v, { causal, keyMask }) => {
    expectSelfAttention("graphAttention", q, k, v, keyMask);
    return attendEdges("graphAttention", { q: scaled(q), k, v, keyMask, causal }, options);
  },
}));
