/** The graph: nodes, and tensors as handles to their outputs. It is a value; nothing registers anywhere. */
import type { OpRule } from "./op-rule.ts";
import type { DType } from "./ndarray.ts";
import { formatShape, type Shape } from "./shape.ts";

/** The static type of a tensor. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One output of a node: a value that will exist when the compiled graph runs. */
export interface Tensor extends TensorType {
  readonly node: Node;
  /** Which output of the node. */
  readonly index: number;
}

/** Tensors by name; an entry may be left undefined and then stays so. */
export type TensorRecord = Readonly<Record<string, Tensor | undefined>>;

/** The constraint for records and interfaces of tensors: `T extends Tensors<T>`. */
export type Tensors<T> = { readonly [Name in keyof T]: Tensor | undefined };

/** One application of an op. */
export interface Node {
  readonly op: OpRule;
  readonly inputs: readonly Tensor[];
  readonly attributes: unknown;
  readonly outputs: readonly Tensor[];
  /** Scope names and the op's name, e.g. `performer/blocks.3/attention/MatMul`. */
  readonly path: string;
}

/** For callers without types. */
export function isTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "node" in value;
}

export function formatType(type: TensorType): string {
  return `${type.dtype}${formatShape(type.shape)}`;
}
