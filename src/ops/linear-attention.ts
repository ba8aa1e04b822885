/** Prefix sums of outer products by one op of ONNX Runtime, with the state before them and behind them. */
import { defineMultiOp } from "../graph/define-op.ts";
import { notDifferentiable, type ReferenceArray } from "../graph/op-rule.ts";
import { formatShape, sameShape, sizeOf, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

const op = defineMultiOp<{ readonly numHeads: number }>({
  name: "LinearAttention",
  infer: ([q, k, v, state, decay], { numHeads }) => {
    const [B = 0, T = 0, width = 0] = q?.shape ?? [];
    const valueWidth = v?.shape.at(-1) ?? 0;
    const stateShape = [B, numHeads, width / numHeads, valueWidth / numHeads];
    const wanted: readonly (readonly [string, { readonly shape: Shape } | undefined, Shape])[] = [
      ["keys", k, [B, T, width]],
      ["values", v, [B, T, valueWidth]],
      ["the state", state, stateShape],
      ["decay", decay, [B, T, numHeads]],
    ];
    for (const [axis, length] of [["queries", width] as const, ["values", valueWidth] as const]) {
      if (length % numHeads === 0) continue;
      throw new RangeError(`the last axis of ${axis} must be a multiple of numHeads, ${numHeads}`);
    }
    for (const [name, given, shape] of wanted) {
      if (given === undefined || sameShape(given.shape, shape)) continue;
      throw new RangeError(
        `${name} must be ${formatShape(shape)} with queries ${formatShape([B, T, width])} and ${numHeads} heads`,
      );
    }
    const dtype = "float32";
    return [
      { dtype, shape: [B, T, valueWidth] },
      { dtype, shape: stateShape },
    ];
  },
  emit: (onnx, inputs, { numHeads }) =>
    onnx.nodes("LinearAttention", inputs, 2, {
      domain: "com.microsoft",
      attributes: {
        q_num_heads: { int: numHeads },
        kv_num_heads: { int: numHeads },
        // The rule and the scale are both set: the op's defaults are other ones.
        update_rule: { string: inputs.length > 4 ? "gated" : "linear" },
        scale: { float: 1 },
      },
    }),
  vjp: notDifferentiable("it is for decoding; the mechanism 'favor' has a gradient"),
  reference: (inputs, { numHeads }, { outputs }) => {
    const [q, k, v, state, decay] = inputs as readonly [...Four<ReferenceArray>, ReferenceArray?]; // as linearAttention gives them
    const [outShape = [], stateShape = []] = outputs.map(({ shape }) => shape);
    const out = { shape: outShape, data: new Float64Array(sizeOf(outShape)) };
    const present = { shape: stateShape, data: state.data.slice() };
    const [B = 0, H = numHeads, M = 0, E = 0] = state.shape;
    const tokens = q.shape[1] ?? 0;
    for (let b = 0; b < B; b++) {
      for (let token = 0; token < tokens; token++) {
        for (let h = 0; h < H; h++) {
          const head = (b * tokens + token) * H + h;
          const kept = Math.exp(decay?.data[head] ?? 0);
          for (let m = 0; m < M; m++) {
            const query = q.data[head * M + m] ?? 0;
            const key = k.data[head * M + m] ?? 0;
            for (let e = 0; e < E; e++) {
              const at = ((b * H + h) * M + m) * E + e;
              const sum = kept * (present.data[at] ?? 0) + key * (v.data[head * E + e] ?? 0);
              present.data[at] = sum;
              out.data[head * E + e] = (out.data[head * E + e] ?? 0) + query * sum;
            }
          }
        }
      }
    }
    return [out, present];
  },
});

type Four<T> = readonly [T, T, T, T];

/**
 * S_t = exp(g_t)·S_{t−1} + k_t v_tᵀ and out_t = S_tᵀ q_t for every head, in one node: `com.microsoft.LinearAttention`
 * of ONNX Runtime, on CPU, wasm and WebGPU. It has no gradient.
 *
 * @param q `[B, T, H·M]`, as k; v `[B, T, H·E]`
 * @param state S before the first token, `[B, H, M, E]`
 * @param decay g, `[B, T, H]`; default 0
 * @returns out `[B, T, H·E]`, and S behind the last token
 * @throws ShapeError for shapes that do not fit together, naming the one that is wrong
 * Source: the prefix sums of section 2.5.1, arXiv:2009.14794; with a decay section 4, arXiv:2312.06635.
 */
export function linearAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  {
    state,
    decay,
    numHeads,
  }: { readonly state: Tensor; readonly decay?: Tensor | undefined; readonly numHeads: number },
): { readonly out: Tensor; readonly state: Tensor } {
  const [out, next] = op([q, k, v, state, ...(decay ? [decay] : [])], { numHeads }) as readonly [Tensor, Tensor]; // two outputs
  return { out, state: next };
}
