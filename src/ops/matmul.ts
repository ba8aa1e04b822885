/** Matrix products, with transposed operands as flags so that no transposed copy is made. */
import { defineOp } from "../graph/define-op.ts";
import type { Emitter } from "../graph/emitter.ts";
import { broadcastShapes, sameShape, sizeOf, stridesOf, type Shape } from "../graph/shape.ts";
import type { Tensor, TensorType } from "../graph/tensor.ts";
import { reshape } from "./layout.ts";
import { sum, unbroadcast } from "./reduce.ts";
import { pick, places, stretchedStrides, zip } from "./reference.ts";
import type { ReferenceArray } from "../graph/op-rule.ts";

export interface MatMulOptions {
  /** Use aᵀ (of the last two axes); default false. */
  readonly transposeA?: boolean;
  /** Use bᵀ (of the last two axes); default false. */
  readonly transposeB?: boolean;
}
type Flags = Required<MatMulOptions>;

function matrixAxes(shape: Shape, transposed: boolean): readonly [number, number] {
  const [rows = 0, columns = 0] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

function inferProduct([a, b]: readonly [TensorType, TensorType], flags: Flags): TensorType {
  if (a.shape.length < 2 || b.shape.length < 2) throw new RangeError("both operands must have at least two axes");
  if (a.dtype !== "float32" || b.dtype !== "float32") throw new TypeError("both operands must be float32");
  const [rows, inner] = matrixAxes(a.shape, flags.transposeA);
  const [innerB, columns] = matrixAxes(b.shape, flags.transposeB);
  if (inner !== innerB) {
    const side = (name: string, transposed: boolean) => (transposed ? `${name}ᵀ` : name);
    const product = `${side("a", flags.transposeA)} @ ${side("b", flags.transposeB)}`;
    throw new RangeError(`inner lengths of ${product} must agree (${inner} and ${innerB})`);
  }
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (batch === undefined) throw new RangeError("batch axes must be equal or broadcast");
  return { dtype: "float32", shape: [...batch, rows, columns] };
}

/** The array with its last two axes swapped where the flag says so: rows that lie side by side in memory. */
function untransposed(x: ReferenceArray, flag: boolean): ReferenceArray {
  if (!flag) return x;
  const swapped = (list: readonly number[]) => [...list.slice(0, -2), ...list.slice(-2).toReversed()];
  return pick(x, swapped(x.shape), swapped(stridesOf(x.shape)));
}

function referenceProduct(left: ReferenceArray, right: ReferenceArray, flags: Flags, shape: Shape): ReferenceArray {
  const [rows = 0, columns = 0] = shape.slice(-2);
  const a = untransposed(left, flags.transposeA);
  const b = untransposed(right, flags.transposeB);
  const inner = a.shape.at(-1) ?? 0;
  const batch = shape.slice(0, -2);
  const startsOf = (operand: Shape) =>
    places(batch, stretchedStrides(operand.slice(0, -2), batch)).map((place) => place * sizeOf(operand.slice(-2)));
  const startsB = startsOf(b.shape);
  const data = new Float64Array(sizeOf(shape));
  const { data: factors } = a;
  const { data: values } = b;
  startsOf(a.shape).forEach((startA, index) => {
    const startB = startsB[index] ?? 0;
    for (let row = 0; row < rows; row++) {
      const to = (index * rows + row) * columns;
      for (let k = 0; k < inner; k++) {
        const factor = factors[startA + row * inner + k] ?? Number.NaN;
        const from = startB + k * columns;
        for (let column = 0; column < columns; column++) {
          data[to + column] = (data[to + column] ?? 0) + factor * (values[from + column] ?? Number.NaN);
        }
      }
    }
  });
  return { shape, data };
}

function productGradients(a: Tensor, b: Tensor, flags: Flags, dy: Tensor): readonly [Tensor, Tensor] {
  const { transposeA, transposeB } = flags;
  if (a.shape.length > 2 && b.shape.length === 2 && !transposeA) {
    // One product over all rows, instead of one for each batch entry and a sum over them.
    const rows = (x: Tensor) => reshape(x, [-1, x.shape.at(-1) ?? 0]);
    const db = transposeB
      ? matmul(rows(dy), rows(a), { transposeA: true })
      : matmul(rows(a), rows(dy), { transposeA: true });
    return [matmul(dy, b, { transposeB: !transposeB }), db];
  }
  const da = transposeA
    ? matmul(b, dy, { transposeA: transposeB, transposeB: true })
    : matmul(dy, b, { transposeB: !transposeB });
  const db = transposeB
    ? matmul(dy, a, { transposeA: true, transposeB: transposeA })
    : matmul(a, dy, { transposeA: !transposeA });
  return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)];
}

function gemmAttributes({ transposeA, transposeB }: Flags) {
  return { attributes: { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } } };
}

/** The engine fuses a Transpose of the last two axes into the product that follows it. */
function transposed(onnx: Emitter, x: string, rank: number, flag: boolean): string {
  if (!flag) return x;
  const perm = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  return onnx.node("Transpose", [x], { attributes: { perm: { ints: perm } } });
}

const matmulOp = defineOp<2, Flags>({
  name: "MatMul",
  arity: 2,
  infer: inferProduct,
  emit: (onnx, [a, b], flags, { inputs: [typeA, typeB] }) => {
    const rankA = typeA.shape.length;
    const rankB = typeB.shape.length;
    if (rankA === 2 && rankB === 2 && (flags.transposeA || flags.transposeB)) {
      return onnx.node("Gemm", [a, b], gemmAttributes(flags));
    }
    return onnx.node("MatMul", [
      transposed(onnx, a, rankA, flags.transposeA),
      transposed(onnx, b, rankB, flags.transposeB),
    ]);
  },
  vjp: ({ inputs: [a, b], dy, attributes }) => productGradients(a, b, attributes, dy),
  reference: ([a, b], flags, { shape }) => referenceProduct(a, b, flags, shape),
});

/**
 * a @ b over the last two axes; leading axes broadcast.
 *
 * `[…, M, K] @ […, K, N]` → `[…, M, N]`
 */
export function matmul(a: Tensor, b: Tensor, options: MatMulOptions = {}): Tensor {
  return matmulOp(a, b, { transposeA: options.transposeA ?? false, transposeB: options.transposeB ?? false });
}

const gemmOp = defineOp<3>({
  name: "Gemm",
  arity: 3,
  infer: ([x, weight, bias]) => {
    const type = inferProduct([x, weight], { transposeA: false, transposeB: true });
    if (!sameShape(bias.shape, type.shape.slice(1)))
      throw new RangeError("the bias must have one entry a row of the weight");
    return type;
  },
  emit: (onnx, inputs) => onnx.node("Gemm", inputs, gemmAttributes({ transposeA: false, transposeB: true })),
  vjp: ({ inputs: [x, weight], dy }) => [
    ...productGradients(x, weight, { transposeA: false, transposeB: true }, dy),
    sum(dy, { axes: [0] }),
  ],
  reference: ([x, weight, bias], _attributes, { shape }) =>
    zip(referenceProduct(x, weight, { transposeA: false, transposeB: true }, shape), bias, (a, b) => a + b),
});

/**
 * A linear layer: x Wᵀ + b.
 *
 * @param x `[…, in]`
 * @param weight `[out, in]`, the layout of Hugging Face checkpoints
 * @param bias `[out]`
 * @returns `[…, out]`
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (bias === undefined) return matmul(x, weight, { transposeB: true });
  const rows = gemmOp(reshape(x, [-1, x.shape.at(-1) ?? 0]), weight, bias);
  return reshape(rows, [...x.shape.slice(0, -1), rows.shape[1] ?? 0]);
}
