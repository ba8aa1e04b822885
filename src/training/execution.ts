/** The interface of all ways to execute a training step, whatever they keep in memory. */
import type { NdArray } from "../graph/ndarray.ts";
import type { Named } from "../model/parameters.ts";
import type { Executable } from "../runtime/backend.ts";
import type { Batch, BatchShape } from "../data/batch.ts";
import type { Freeze } from "./freeze.ts";
import type { EvaluationSums } from "./evaluation-sums.ts";

export interface LossOptions {
  /** The weights without gradients. Default `none`. */
  readonly freeze?: Freeze;
  /** Share of activations dropped in training; evaluation drops none. */
  readonly dropout: number;
  readonly labelSmoothing: number;
}

/** Which masks of the model a graph's own are. */
export interface MaskPlace {
  /** Number of the part of a sequence. Default: sequences are not cut. */
  readonly part?: number;
  /** Number, in the whole model, of the graph's first mask. Default 0. */
  readonly first?: number;
}

/** The dropout masks of a graph: the same whenever they are asked for, within a step. */
export type MaskSource = (executable: Executable, place?: MaskPlace) => Record<string, Uint8Array>;

export interface StepResult {
  /** Mean loss a target, in nats; of a regression the mean squared error. */
  readonly lossNats: number;
  /** Targets: predicted tokens, or sequences. */
  readonly weightSum: number;
  /** By parameter name; of weights that are trained. */
  readonly gradients: Record<string, NdArray>;
}

/** Compiled graphs of one model, each compiled once for each shape of batch, to be used again and again. */
export interface Execution extends AsyncDisposable {
  /** Compiles what a step on batches of this shape needs. */
  readonly prepare: (shape: BatchShape) => Promise<void>;
  /**
   * Loss and gradients of a batch.
   *
   * @param tensors weights and projections
   */
  readonly step: (tensors: Named<NdArray>, batch: Batch, masks: MaskSource) => Promise<StepResult>;
  /** Sums of losses, correct predictions and the like of a batch, without dropout. */
  readonly evaluate: (tensors: Named<NdArray>, batch: Batch) => Promise<EvaluationSums>;
}
