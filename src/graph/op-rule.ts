/** The one form that every op has, whatever it was defined with: four rules over lists. */
import type { Emitter } from "./emitter.ts";
import type { Tensor, TensorType } from "./tensor.ts";
import type { Shape } from "./shape.ts";

/** A value of the reference backend: float64 whatever the dtype, so that it can serve as the oracle. */
export interface ReferenceArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Computes tensors of a graph from given ones; handed to ops whose attributes hold a graph of their own (Scan). */
export type Evaluate = (outputs: readonly Tensor[], given: ReadonlyMap<Tensor, ReferenceArray>) => ReferenceArray[];

/** The reverse walk; handed to ops whose attributes hold a graph of their own, since ops do not know autodiff. */
export type Backpropagate = (
  outputs: readonly Tensor[],
  outputGradients: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
) => (Tensor | undefined)[];

export interface VjpContext {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Gradient of each output; undefined where nothing depends on it. */
  readonly outputGradients: readonly (Tensor | undefined)[];
  readonly attributes: unknown;
  readonly backpropagate: Backpropagate;
}

/** The gradient of each input; undefined where there is none (integers, constants of the op). */
export type VjpRule = (context: VjpContext) => readonly (Tensor | undefined)[];

/** Stands in the place of a gradient rule and says why there is none. */
export interface NotDifferentiable {
  readonly reason: string;
}

export function notDifferentiable(reason: string): NotDifferentiable {
  return { reason };
}

export interface OpRule {
  readonly name: string;
  readonly infer: (inputs: readonly TensorType[], attributes: unknown) => readonly TensorType[];
  readonly emit: (
    onnx: Emitter,
    inputs: readonly string[],
    node: { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[]; readonly attributes: unknown },
  ) => readonly string[];
  readonly vjp: VjpRule | NotDifferentiable;
  /**
   * For ops that later ones skip, by reading their inputs: how messages call them. Nothing can be differentiated by
   * their outputs.
   */
  readonly skipped?: string | undefined;
  readonly reference: (
    inputs: readonly ReferenceArray[],
    node: { readonly outputs: readonly Tensor[]; readonly attributes: unknown; readonly evaluate: Evaluate },
  ) => readonly ReferenceArray[];
}
