/** Concrete arrays: what goes into a compiled graph and what comes out. */
import { ArgumentError, problem } from "./errors.ts";
import { formatShape, sizeOf, type Shape } from "./shape.ts";

interface ArrayTypes {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly bool: Uint8Array;
}

/** Element types. `float64` exists for the reference backend and for checks; graphs compute in float32. */
export type DType = keyof ArrayTypes;

export type TypedArray = ArrayTypes[DType];

/** A row-major array: `data.length` is the product of `shape`. */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;

/** The dtype that a typed array carries by its class. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  return "bool";
}

/**
 * Wraps a typed array, without copying it.
 *
 * @throws ArgumentError when the number of elements does not fit the shape
 */
export function ndarray(data: TypedArray, shape: Shape): NdArray {
  if (data.length !== sizeOf(shape)) {
    throw new ArgumentError(
      problem`ndarray: data must hold ${sizeOf(shape)} elements for shape ${formatShape(shape)}, got ${data.length};
        give as many as the shape says`,
    );
  }
  return { dtype: dtypeOf(data), shape, data };
}

/** An array of zeros, made when they are first read. */
export function zeros(shape: Shape, dtype: DType = "float32"): NdArray {
  return lazyArray(dtype, shape, () => new constructors[dtype](sizeOf(shape)));
}

/**
 * An array that is made when its elements are first read: what a graph of any size takes is known from its shapes
 * alone.
 */
export function lazyArray(dtype: DType, shape: Shape, make: () => TypedArray): NdArray {
  let made: TypedArray | undefined;
  return {
    dtype,
    shape,
    get data() {
      made ??= make();
      return made;
    },
  };
}

/** first, first + 1, … in the order in which elements lie. */
export function countingUp(dtype: "float32" | "int32", shape: Shape, first = 0): NdArray {
  return lazyArray(dtype, shape, () => new constructors[dtype](sizeOf(shape)).map((_, index) => first + index));
}

/** Copies the elements into a Float64Array, whatever their type (booleans become 0 and 1). */
export function toFloat64(array: NdArray): Float64Array {
  const { data } = array;
  return data instanceof BigInt64Array ? Float64Array.from(data, Number) : Float64Array.from(data);
}

/** The elements as a Float32Array: the array's own where it is one, a copy of float64 ones. */
export function toFloat32({ dtype, data }: NdArray): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return new Float32Array(data);
  throw new ArgumentError(problem`toFloat32: the array must hold float32 or float64, got ${dtype}; convert it`);
}

/** Copies float64 values into an array of the given type. */
export function fromFloat64(values: Float64Array, shape: Shape, dtype: DType): NdArray {
  if (dtype === "int64")
    return { dtype, shape, data: BigInt64Array.from(values, (value) => BigInt(Math.trunc(value))) };
  return { dtype, shape, data: constructors[dtype].from(values) };
}
