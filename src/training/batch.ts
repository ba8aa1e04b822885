/** What a training step eats: rows of token ids with their targets. */

/** Row-major `[batchSize, seqLen]`. */
export interface Batch {
  readonly batchSize: number;
  readonly seqLen: number;
  readonly inputIds: Int32Array;
  readonly targetIds: Int32Array;
  /** 1 where the target counts, 0 on padding. */
  readonly weights: Float32Array;
}

/** Batches by step number: a pure function of the step, so that a resumed run sees the same ones. */
export interface BatchSource {
  readonly batchAt: (step: number) => Batch;
}
