/** Rotary positions as the engine's fused op, on devices that have it. */
import { defineMultiOp } from "../graph/define-op.ts";
import { ndarray } from "../graph/ndarray.ts";
import { notDifferentiable } from "../graph/op-rule.ts";
import type { Tensor } from "../graph/tensor.ts";
import { neg } from "./elementwise.ts";
import { at, build } from "./reference.ts";

const rotaryOp = defineMultiOp<{ readonly numHeads: number }>({
  name: "RotaryEmbedding",
  infer: ([x, cos, sin], { numHeads }) => {
    const [rows = 0, width = 0, ...rest] = x?.shape ?? [];
    if (x === undefined || rest.length > 0 || width % (2 * numHeads) !== 0) {
      throw new RangeError("x must be [rows, heads · headDim] with an even headDim");
    }
    const fits = [cos, sin].every(
      (table) => table?.shape.length === 2 && table.shape[0] === rows && table.shape[1] === width / (2 * numHeads),
    );
    if (!fits) throw new RangeError("cos and sin must be [rows, headDim / 2]");
    return [{ dtype: x.dtype, shape: [rows, numHeads, 1, width / numHeads] }];
  },
  // Every row is a sequence of one token, whose position in the tables is its own number.
  emit: (onnx, [x = "", cos = "", sin = ""], { numHeads }, { inputs: [type] }) => {
    const [rows = 0, width = 0] = type?.shape ?? [];
    const ids = ndarray(
      BigInt64Array.from({ length: rows }, (_, row) => BigInt(row)),
      [rows, 1],
    );
    const heads = onnx.node("Reshape", [x, onnx.int64([rows, numHeads, 1, width / numHeads])]);
    const rotated = onnx.node("RotaryEmbedding", [heads, onnx.constant(ids), cos, sin], {
      domain: "com.microsoft",
      attributes: { interleaved: { int: 0 } },
    });
    return [rotated];
  },
  vjp: notDifferentiable("it serves decoding; training rotates with products, which have gradients"),
  reference: ([x, cos, sin], _attributes, { outputs: [type] }) => {
    if (!x || !cos || !sin || !type) return [];
    const headDim = type.shape[3] ?? 0;
    const half = headDim / 2;
    const y = build(type.shape, ([row = 0, head = 0, , i = 0]) => {
      const column = head * headDim + i;
      const pair = i < half ? -at(x, [row, column + half]) : at(x, [row, column - half]);
      return at(x, [row, column]) * at(cos, [row, i % half]) + pair * at(sin, [row, i % half]);
    });
    return [y];
  },
});

/**
 * Rotates each pair (x_i, x_{i + D/2}) of every head by the angles of its row.
 *
 * @param x `[rows, heads · D]`, each row a token at a position of its own
 * @param angles cos and sin `[rows, D / 2]`
 * @returns `[rows, heads, 1, D]`
 */
export function rotaryEmbedding(
  x: Tensor,
  { cos, sin }: { readonly cos: Tensor; readonly sin: Tensor },
  numHeads: number,
): Tensor {
  return rotaryOp([x, cos, sin], { numHeads })[0] as Tensor; // one output by definition
}

const rotarySequenceOp = defineMultiOp<void>({
  name: "RotarySequence",
  infer: ([x, cos, sin]) => {
    const [, length = 0, width = 0, ...rest] = x?.shape ?? [];
    const half = cos?.shape[1] ?? 0;
    if (x === undefined || x.shape.length !== 3 || rest.length > 0 || half === 0 || width % (2 * half) !== 0) {
      throw new RangeError("x must be [B, L, heads · headDim], and the angles of half a head each");
    }
    const fits = [cos, sin].every((table) => table?.shape.join() === [length, half].join());
    if (!fits) throw new RangeError("cos and sin must be [L, headDim / 2]");
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  emit: (onnx, [x = "", cos = "", sin = ""]) => [
    onnx.node("RotaryEmbedding", [x, onnx.int64([0]), cos, sin], {
      domain: "com.microsoft",
      attributes: { interleaved: { int: 0 } },
    }),
  ],
  // A rotation's transpose turns back. The angles are positions, and have no gradient.
  vjp: ({ inputs: [, cos, sin], outputGradients: [dy] }) => [
    dy && cos && sin && rotarySequence(dy, { cos, sin: neg(sin) }),
    undefined,
    undefined,
  ],
  reference: ([x, cos, sin]) => {
    if (!x || !cos || !sin) return [];
    const half = cos.shape[1] ?? 1;
    const y = build(x.shape, ([b = 0, t = 0, column = 0]) => {
      const i = column % (2 * half);
      const pair = i < half ? -at(x, [b, t, column + half]) : at(x, [b, t, column - half]);
      return at(x, [b, t, column]) * at(cos, [t, i % half]) + pair * at(sin, [t, i % half]);
    });
    return [y];
  },
});

/**
 * Rotates each pair (x_i, x_{i + D/2}) of every head by the angles of its position in the sequence.
 *
 * @param x `[B, L, heads · D]`
 * @param angles cos and sin `[L, D / 2]`
 * @returns `[B, L, heads · D]`
 */
export function rotarySequence(x: Tensor, { cos, sin }: { readonly cos: Tensor; readonly sin: Tensor }): Tensor {
  return rotarySequenceOp([x, cos, sin], undefined)[0] as Tensor; // one output by definition
}
