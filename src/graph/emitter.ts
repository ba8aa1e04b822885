/** The ONNX writer as an op sees it while it is emitted. */
import type { DType, NdArray } from "./ndarray.ts";
import type { Tensor } from "./tensor.ts";

/** A graph inside a node, e.g. the body of a Scan. */
export interface SubgraphSpec {
  readonly name: string;
  /** Inputs of the body, in the order that the op fixes. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Tensors of the surrounding graph that the body reads, by the names that they have there. */
  readonly captured: ReadonlyMap<Tensor, string>;
}

/** An ONNX attribute; the kind is explicit because ONNX tells integers from floats. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly dtype: DType }
  | { readonly body: SubgraphSpec };

export interface EmitOptions {
  /** Attributes of the node. */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Operator set, default the standard one. */
  readonly domain?: "com.microsoft";
}

/** Values are their names in the ONNX graph; `""` stands for an optional input that is left out. */
export interface Emitter {
  /** Emits a node with one output and returns the output's name. */
  node(opType: string, inputs: readonly string[], options?: EmitOptions): string;
  /** Emits a node with several outputs. */
  nodes(opType: string, inputs: readonly string[], numOutputs: number, options?: EmitOptions): string[];
  /** A constant of the graph; equal small ones are stored once. */
  constant(array: NdArray): string;
  /** A one-dimensional int64 constant: axes, shapes, repeats. */
  int64(values: readonly number[]): string;
  /** A float32 scalar. */
  float(value: number): string;
}
