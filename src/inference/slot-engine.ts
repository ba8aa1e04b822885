/** The interface of a batch of slots, for any kind of state. */

/**
 * What a sequence has left behind, by name: plain arrays, to be stored, sent, and given to any decoder of the same
 * model.
 */
export type SequenceArrays = Readonly<Record<string, Float32Array | Int32Array>>;

/** Slots without any bookkeeping of which of them are taken. Tokens and positions have been checked. */
export interface SlotEngine {
  /** Makes a slot that of a new sequence, whose first token stands at a position. */
  readonly clear: (slot: number, position: number) => void;
  /**
   * Reads one token of each of the given slots.
   *
   * @returns logits `[slots, vocabSize]`; rows of other slots mean nothing
   */
  readonly step: (tokens: ReadonlyMap<number, number>) => Promise<Float32Array>;
  /**
   * Reads as many of the tokens as go in larger parts than one.
   *
   * @returns how many were read, and the logits behind the last of them
   */
  readonly readChunks: (
    slot: number,
    tokens: ArrayLike<number>,
  ) => Promise<{ readonly read: number; readonly logits: Float32Array | undefined }>;
  readonly save: (slot: number) => SequenceArrays;
  /** @throws RuntimeError when the arrays are not of the names and sizes that `save` gives */
  readonly load: (slot: number, position: number, arrays: SequenceArrays) => void;
  /** The same slots once more, which go on by themselves; the compiled graphs are shared. */
  readonly clone: () => SlotEngine;
  /** Frees the graphs with the last engine that shares them. */
  readonly dispose: () => Promise<void>;
}
