/** Exact attention as the engine's one fused op: the fastest exact attention to be had there, for comparison. */

import { defineMultiOp } from "../graph/define-op.ts";
import { notDifferentiable } from "../graph/op-rule.ts";
import type { Tensor } from "../graph/tensor.ts";

const fusedOp = defineMultiOp<{ readonly numHeads: number; readonly causal: boolean }>({
  name: "MultiHeadAttention",
  infer: ([q, , v]) => (q && v ? [{ dtype: q.dtype, shape: [...q.shape.slice(0, -1), v.shape.at(-1) ?? 0] }] : []),
  emit: (onnx, inputs, { numHeads, causal }) => [
    onnx.node("MultiHeadAttention", inputs, {
      domain: "com.microsoft",
      attributes: { num_heads: { int: numHeads }, unidirectional: { int: Number(causal) } },
    }),
  ],
  vjp: notDifferentiable("the engine's fused attention has none"),
  reference: () => {
    throw new Error("MultiHeadAttention is here to be timed on the engine; use the mechanism 'exact'");
  },
});

/** softmax(q kᵀ / √D) v in one op: q, k, v `[B, L, H·D]` → `[B, L, H·D]`. */
export function fusedExactAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: { readonly numHeads: number; readonly causal: boolean },
): Tensor {
  return fusedOp([q, k, v], options)[0] as Tensor; // one output by definition
}
