/** Where values enter a graph: inputs, constants; and where gradients stop. */
import { defineMultiOp, defineOp } from "../graph/define-op.ts";
import { INPUT } from "../graph/inputs.ts";
import { fromFloat64, lazyArray, ndarray, toFloat64, type DType, type NdArray } from "../graph/ndarray.ts";
import { formatShape, sizeOf, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

interface InputAttributes {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

const inputOp = defineOp<0, InputAttributes>({
  name: INPUT,
  arity: 0,
  infer: (_, { name, shape, dtype }) => {
    if (!shape.every((length) => Number.isInteger(length) && length >= 1)) {
      throw new RangeError(`every axis of '${name}' must have a whole length of at least 1, got ${formatShape(shape)}`);
    }
    return { shape, dtype };
  },
  emit: (_onnx, _inputs, { name }) => name,
  vjp: () => [],
  reference: (_, { name }) => {
    throw new Error(`input '${name}' was not given a value`);
  },
});

/**
 * A value that is given when the graph runs: data or a parameter.
 *
 * @param dtype default float32
 */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Tensor {
  return inputOp({ name, shape, dtype });
}

const constantOp = defineOp<0, NdArray>({
  name: "Constant",
  arity: 0,
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  emit: (onnx, _inputs, array) => onnx.constant(array),
  vjp: () => [],
  reference: (_, array) => ({ shape: array.shape, data: toFloat64(array) }),
});

/** A value that is part of the graph. */
export function constant(array: NdArray): Tensor {
  return constantOp(array);
}

/** A float32 scalar. */
export function scalar(value: number): Tensor {
  return constantOp(ndarray(Float32Array.of(value), []));
}

/** An array of one repeated value. */
export function full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  return constantOp(
    lazyArray(dtype, shape, () => fromFloat64(new Float64Array(sizeOf(shape)).fill(value), shape, dtype).data),
  );
}

const stopGradientOp = defineMultiOp<undefined>({
  name: "StopGradient",
  infer: (inputs) => inputs,
  emit: (_onnx, inputs) => inputs,
  vjp: ({ inputs }) => inputs.map(() => undefined),
  reference: (inputs) => inputs,
});

/** The same value; the gradient treats it as a constant. */
export function stopGradient(x: Tensor): Tensor {
  return stopGradientOp([x], undefined)[0] ?? x;
}
