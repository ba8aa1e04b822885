/** The parts of ONNX's ModelProto that we write, as plain data. */
import type { DType, NdArray } from "../graph/ndarray.ts";
import type { Shape } from "../graph/shape.ts";

export type AttributeProto = { readonly name: string } & (
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "graph"; readonly value: GraphProto }
);

export interface NodeProto {
  readonly opType: string;
  readonly name: string;
  readonly domain: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: readonly AttributeProto[];
}

export interface ValueInfoProto {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Lengths or, of those known only when the graph runs, names; in the place of `shape`. */
  readonly dims?: readonly (number | string)[];
}

/** Element types that files store and graphs do not compute in. */
export interface RawArray {
  readonly dtype: "uint8" | "int8" | "float16";
  readonly shape: Shape;
  readonly data: Uint8Array | Int8Array | Uint16Array;
}

export interface InitializerProto {
  readonly name: string;
  readonly array: NdArray | RawArray;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: NodeProto[];
  readonly initializers: readonly InitializerProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

/** Operator set and file format that the engine accepts everywhere and that covers the ops used here. */
export const OPSET = 21;
export const IR_VERSION = 10;

/** ONNX's numbers of element types. */
export const DATA_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const satisfies Record<DType | RawArray["dtype"], number>;
