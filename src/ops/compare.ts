/** Comparison, choice and conversion: what masks are made of. */
import { defineOp } from "../graph/define-op.ts";
import type { DType } from "../graph/ndarray.ts";
import { notDifferentiable } from "../graph/op-rule.ts";
import { broadcastShapes } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mul, sub, type Operand } from "./elementwise.ts";
import { unbroadcast } from "./reduce.ts";
import { map, zip } from "./reference.ts";
import { scalar } from "./source.ts";

/** a = b for int32 tensors, as bool. */
export const equal = defineOp<2>({
  name: "Equal",
  arity: 2,
  infer: ([a, b]) => {
    const shape = broadcastShapes(a.shape, b.shape);
    if (shape === undefined) throw new RangeError("shapes must be equal or broadcast");
    // The WebGPU half of the engine compares int64 on the CPU without a word.
    if (a.dtype !== "int32" || b.dtype !== "int32") throw new TypeError("both operands must be int32");
    return { dtype: "bool", shape };
  },
  emit: (onnx, inputs) => onnx.node("Equal", inputs),
  vjp: notDifferentiable("a comparison is piecewise constant"),
  reference: ([a, b]) => zip(a, b, (x, y) => Number(x === y)),
});

const castOp = defineOp<1, { readonly dtype: DType }>({
  name: "Cast",
  arity: 1,
  infer: ([x], { dtype }) => ({ dtype, shape: x.shape }),
  emit: (onnx, [x], { dtype }) => onnx.node("Cast", [x], { attributes: { to: { dtype } } }),
  vjp: notDifferentiable("it converts from or to integers or booleans"),
  reference: ([x], { dtype }) => map(x, conversion(dtype)),
});

function conversion(dtype: DType): (value: number) => number {
  if (dtype === "bool") return (value) => Number(value !== 0);
  return dtype.startsWith("float") ? (value) => value : Math.trunc;
}

/** The same values as another type: true is 1, integers lose the fraction, all but 0 is true. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : castOp(x, { dtype });
}

const selectOp = defineOp<3>({
  name: "Where",
  arity: 3,
  infer: ([condition, a, b]) => {
    const values = broadcastShapes(a.shape, b.shape);
    const shape = values && broadcastShapes(condition.shape, values);
    if (shape === undefined) throw new RangeError("shapes must be equal or broadcast");
    if (condition.dtype !== "bool" || a.dtype !== b.dtype) {
      throw new TypeError("the condition must be bool and both values of one dtype");
    }
    return { dtype: a.dtype, shape };
  },
  emit: (onnx, inputs) => onnx.node("Where", inputs),
  vjp: ({ inputs: [condition, a, b], dy }) => {
    const chosen = cast(condition, "float32");
    return [undefined, unbroadcast(mul(dy, chosen), a.shape), unbroadcast(mul(dy, sub(1, chosen)), b.shape)];
  },
  reference: ([condition, a, b]) => {
    const first = zip(condition, a, (keep, value) => (keep === 0 ? Number.NaN : value));
    const paired = zip(condition, b, (keep, value) => (keep === 0 ? value : Number.NaN));
    return zip(first, paired, (x, y) => (Number.isNaN(x) ? y : x));
  },
});

/** a where the condition holds, else b. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const tensor = (operand: Operand) => (typeof operand === "number" ? scalar(operand) : operand);
  return selectOp(condition, tensor(a), tensor(b));
}
