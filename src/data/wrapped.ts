/** Rows that read <bos> tokens <eos>, for models that see both sides: labelled and masked training. */
import { DataError } from "./errors.ts";
import { checkPacking, type PackedBatch, type PackingOptions, type Row } from "./packing.ts";
import { readTokens, startOf, type EncodedSequence } from "./datasets.ts";
import type { StartTokens } from "./tag-dropout.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Options of batches of such rows. maxSeqLen counts <bos> and <eos>. */
export interface WrappedOptions<Sequence extends EncodedSequence = EncodedSequence> extends PackingOptions {
  /** The sequences of one split; at least one. */
  readonly sequences: readonly Sequence[];
  /** Provides the ids of the special tokens. */
  readonly vocabulary: Vocabulary;
}

/** A part of a sequence between <bos> and <eos>. */
export interface WrappedRow extends Row {
  readonly sequence: EncodedSequence;
  /** The first token. */
  readonly start: number;
  /** The number of tokens: length − 2. */
  readonly count: number;
}

/**
 * Refuses sizes that are not positive integers, and rows without a place for a token.
 *
 * @throws DataError naming the size
 */
export function checkWrapped(who: string, options: PackingOptions): void {
  checkPacking(who, options);
  if (options.maxSeqLen >= 3) return;
  throw new DataError({
    who,
    rule: "maxSeqLen must be at least 3, for <bos>, a token and <eos>",
    got: String(options.maxSeqLen),
    fix: "pass a number such as 512",
  });
}

/**
 * The inputs of a batch, [batchSize, seqLen]. A part from a sequence's beginning reads its tag, where it has one, in
 * place of <bos>. Rows without a sequence read <bos> and then padding: a row of nothing but padding would leave masked
 * attention without a single key.
 *
 * @param startAt the token in front of a sequence. Default: its tag, else <bos>
 */
export function writeWrapped(
  packed: PackedBatch<WrappedRow>,
  vocabulary: Vocabulary,
  startAt: StartTokens = (sequence) => startOf(sequence, vocabulary),
): Int32Array {
  const { batchSize, seqLen } = packed.shape;
  const { padId, bosId, eosId } = vocabulary;
  const inputIds = new Int32Array(batchSize * seqLen).fill(padId);
  for (let row = 0; row < batchSize; row++) {
    inputIds[row * seqLen] = bosId;
    const part = packed.rows[row];
    if (part === undefined) continue;
    if (part.start === 0) inputIds[row * seqLen] = startAt(part.sequence, row);
    inputIds.set(readTokens(part.sequence, part.start, part.start + part.count), row * seqLen + 1);
    inputIds[row * seqLen + 1 + part.count] = eosId;
  }
  return inputIds;
}
