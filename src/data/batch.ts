/** The input of a training step: rows of token ids with their targets. */

/** Lengths of a batch's rows. */
export interface BatchShape {
  readonly batchSize: number;
  /** Tokens that a model reads; of an encoder–decoder those that its decoder reads. */
  readonly seqLen: number;
  /** Targets a row. Default seqLen, one a token; 1 for a target a sequence. */
  readonly targetLen?: number | undefined;
  /** Tokens that the encoder of an encoder–decoder reads. */
  readonly sourceLen?: number | undefined;
}

/** All arrays are row-major. */
export interface Batch extends BatchShape {
  /** `[batchSize, seqLen]`; behind a row's end: <pad>. */
  readonly inputIds: Int32Array;
  /** `[batchSize, targetLen]`: tokens, classes, or of pointers positions of the source; empty for a regression. */
  readonly targetIds: Int32Array;
  /**
   * `[batchSize, targetLen, numLabels]`: the targets of a regression. In float64, because figures of evaluations are.
   */
  readonly targetValues?: Float64Array | undefined;
  /** `[batchSize, targetLen]`: 1 where the target counts, 0 on padding. */
  readonly weights: Float32Array;
  /** `[batchSize, sourceLen]`. */
  readonly sourceIds?: Int32Array | undefined;
}

/** A batch that knows how many of its targets count. */
export interface PlannedBatch extends Batch {
  /** The sum of the weights. */
  readonly tokens: number;
}

/** Batches by step number: a pure function of the step, so that a resumed run sees the same ones. */
export interface BatchSource {
  readonly batchAt: (step: number) => Batch;
}
