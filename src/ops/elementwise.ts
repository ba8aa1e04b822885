/** Elementwise arithmetic with NumPy broadcasting, and elementwise functions. */
import { defineOp, type Vjp } from "../graph/define-op.ts";
import { notDifferentiable } from "../graph/op-rule.ts";
import { broadcastShapes } from "../graph/shape.ts";
import type { Tensor, TensorType } from "../graph/tensor.ts";
import { unbroadcast } from "./reduce.ts";
import { erfReference, map, zip } from "./reference.ts";
import { scalar, stopGradient } from "./source.ts";

/** A tensor, or a number that stands for a float32 scalar. */
export type Operand = Tensor | number;

function asTensor(operand: Operand): Tensor {
  return typeof operand === "number" ? scalar(operand) : operand;
}

function inferBroadcast([a, b]: readonly [TensorType, TensorType]): TensorType {
  const shape = broadcastShapes(a.shape, b.shape);
  if (shape === undefined) throw new RangeError("shapes must be equal or broadcast (axes of length 1 stretch)");
  if (a.dtype !== b.dtype) throw new TypeError("both operands must have the same dtype");
  return { dtype: a.dtype, shape };
}

interface BinaryDefinition {
  readonly name: string;
  /** Gradients before the axes that were stretched are summed away. */
  readonly vjp: (context: Vjp<2, void>) => readonly [Tensor, Tensor];
  readonly reference: (x: number, y: number) => number;
}

function defineBinary({ name, vjp, reference }: BinaryDefinition): (a: Operand, b: Operand) => Tensor {
  const op = defineOp<2>({
    name,
    arity: 2,
    infer: inferBroadcast,
    emit: (onnx, inputs) => onnx.node(name, inputs),
    vjp: (context) => {
      const [a, b] = context.inputs;
      const [da, db] = vjp(context);
      return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)];
    },
    reference: ([a, b]) => zip(a, b, reference),
  });
  return (a, b) => op(asTensor(a), asTensor(b));
}

/** a + b. */
export const add = defineBinary({ name: "Add", vjp: ({ dy }) => [dy, dy], reference: (x, y) => x + y });

/** a − b. */
export const sub = defineBinary({
  name: "Sub",
  // Summed over stretched axes first: the sign then changes on what is left.
  vjp: ({ inputs: [, b], dy }) => [dy, neg(unbroadcast(dy, b.shape))],
  reference: (x, y) => x - y,
});

/** a · b. */
export const mul = defineBinary({
  name: "Mul",
  vjp: ({ inputs: [a, b], dy }) => [mul(dy, b), mul(dy, a)],
  reference: (x, y) => x * y,
});

/** a / b. */
export const div = defineBinary({
  name: "Div",
  vjp: ({ inputs: [, b], y, dy }) => {
    const da = div(dy, b);
    return [da, neg(mul(da, y))];
  },
  reference: (x, y) => x / y,
});

/** The larger of a and b; where they are equal the gradient goes to a. */
export const maximum = defineBinary({
  name: "Max",
  vjp: ({ inputs: [a, b], dy }) => {
    const first = stopGradient(atLeast(a, b));
    return [mul(dy, first), mul(dy, sub(1, first))];
  },
  reference: Math.max,
});

/** The smaller of a and b; where they are equal the gradient goes to a. */
export const minimum = defineBinary({
  name: "Min",
  vjp: ({ inputs: [a, b], dy }) => {
    const first = stopGradient(atLeast(b, a));
    return [mul(dy, first), mul(dy, sub(1, first))];
  },
  reference: Math.min,
});

/** 1 where a ≥ b, else 0, as float32. */
const atLeastOp = defineOp<2>({
  name: "AtLeast",
  arity: 2,
  infer: inferBroadcast,
  emit: (onnx, inputs) =>
    onnx.node("Cast", [onnx.node("GreaterOrEqual", inputs)], { attributes: { to: { dtype: "float32" } } }),
  vjp: notDifferentiable("a comparison is piecewise constant"),
  reference: ([a, b]) => zip(a, b, (x, y) => Number(x >= y)),
});

/** 1 where a ≥ b, else 0, as float32. */
export function atLeast(a: Operand, b: Operand): Tensor {
  return atLeastOp(asTensor(a), asTensor(b));
}

interface UnaryDefinition {
  readonly name: string;
  /** The gradient by x. */
  readonly vjp: (context: { readonly x: Tensor; readonly y: Tensor; readonly dy: Tensor }) => Tensor;
  readonly reference: (x: number) => number;
}

function defineUnary({ name, vjp, reference }: UnaryDefinition): (x: Tensor) => Tensor {
  return defineOp<1>({
    name,
    arity: 1,
    infer: ([x]) => x,
    emit: (onnx, [x]) => onnx.node(name, [x]),
    vjp: ({ inputs: [x], y, dy }) => [vjp({ x, y, dy })],
    reference: ([x]) => map(x, reference),
  });
}

/** −x. */
export const neg = defineUnary({ name: "Neg", vjp: ({ dy }) => neg(dy), reference: (x) => -x });

/** eˣ. */
export const exp = defineUnary({ name: "Exp", vjp: ({ y, dy }) => mul(dy, y), reference: Math.exp });

/** Natural logarithm. */
export const log = defineUnary({ name: "Log", vjp: ({ x, dy }) => div(dy, x), reference: Math.log });

/** 1 / x. */
export const reciprocal = defineUnary({
  name: "Reciprocal",
  // In this order the square, which may overflow, is never formed.
  vjp: ({ y, dy }) => neg(mul(mul(dy, y), y)),
  reference: (x) => 1 / x,
});

/** √x. */
export const sqrt = defineUnary({ name: "Sqrt", vjp: ({ y, dy }) => div(mul(dy, 0.5), y), reference: Math.sqrt });

/** tanh x. */
export const tanh = defineUnary({
  name: "Tanh",
  vjp: ({ y, dy }) => mul(dy, sub(1, mul(y, y))),
  reference: Math.tanh,
});

/** 1 / (1 + e⁻ˣ). */
export const sigmoid = defineUnary({
  name: "Sigmoid",
  vjp: ({ y, dy }) => mul(dy, mul(y, sub(1, y))),
  reference: (x) => 1 / (1 + Math.exp(-x)),
});

/** sin x. */
export const sin = defineUnary({ name: "Sin", vjp: ({ x, dy }) => mul(dy, cos(x)), reference: Math.sin });

/** cos x. */
export const cos = defineUnary({ name: "Cos", vjp: ({ x, dy }) => neg(mul(dy, sin(x))), reference: Math.cos });

/** |x|; the gradient at 0 is 0. */
export const abs = defineUnary({
  name: "Abs",
  vjp: ({ x, dy }) => mul(dy, stopGradient(sub(isPositive(x), isPositive(neg(x))))),
  reference: Math.abs,
});

/** max(x, 0); the gradient at 0 is 0. */
export const relu = defineUnary({
  name: "Relu",
  vjp: ({ y, dy }) => mul(dy, stopGradient(isPositive(y))),
  reference: (x) => Math.max(x, 0),
});

/** 1 where x > 0, else 0, as float32. ONNX's Sign would do, but the engine has none on WebGPU. */
const isPositive = defineOp<1>({
  name: "IsPositive",
  arity: 1,
  infer: ([x]) => x,
  emit: (onnx, [x]) =>
    onnx.node("Cast", [onnx.node("Greater", [x, onnx.float(0)])], { attributes: { to: { dtype: "float32" } } }),
  vjp: notDifferentiable("a comparison is piecewise constant"),
  reference: ([x]) => map(x, (value) => Number(value > 0)),
});

/** The error function. */
export const erf = defineUnary({
  name: "Erf",
  vjp: ({ x, dy }) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))),
  reference: erfReference,
});
