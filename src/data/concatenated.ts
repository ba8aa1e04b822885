/**
 * Many sequences joined into one long one with <eos> behind each, read on demand: what rows of long contexts are cut
 * from.
 */
import { createRandom, permutation } from "../random/index.ts";
import { lengthOf, readTokens, type EncodedSequence } from "./datasets.ts";

/** Whether rows hold one sequence or many. */
export interface Concatenation {
  /**
   * Joins sequences, <eos> behind each, and cuts rows of exactly maxSeqLen from them wherever a sequence ends, so that
   * no place is padding: the long task of arXiv:2009.14794 (§ 4.4: TrEMBL, 8,192 tokens). A token may attend to the
   * proteins before its own. Tags are left out. In training every epoch joins in another order, and its last row goes
   * on with the first sequences. Default false.
   */
  readonly concatenate?: boolean;
}

/** The sequences to join. */
export interface JoinOptions {
  readonly sequences: readonly EncodedSequence[];
  /** Stands behind each sequence. */
  readonly eosId: number;
}

/**
 * The sequences of an epoch of training in an order of its own.
 *
 * @param options.multipleOf the joined length is a multiple of this: what is missing is read from the beginning again
 * @returns no or one sequence, for planners
 */
export function joinShuffled(
  options: JoinOptions & { readonly seed: number | string; readonly epoch: number; readonly multipleOf: number },
): readonly EncodedSequence[] {
  const { sequences, seed, epoch, multipleOf } = options;
  return join(options, permutation(createRandom(seed, "concatenate", epoch), sequences.length), multipleOf);
}

/** The sequences one behind the other, every token once. */
export function joinInOrder(options: JoinOptions): readonly EncodedSequence[] {
  return join(options, Uint32Array.from(options.sequences.keys()), 1);
}

function join(
  { sequences, eosId }: JoinOptions,
  order: ArrayLike<number>,
  multipleOf: number,
): readonly EncodedSequence[] {
  // The position after each sequence's <eos>.
  const ends = new Float64Array(order.length);
  let total = 0;
  for (let i = 0; i < order.length; i++) {
    const sequence = sequences[order[i] ?? 0];
    total += (sequence === undefined ? 0 : lengthOf(sequence)) + 1;
    ends[i] = total;
  }
  if (total === 0) return [];

  function read(start: number, end: number): Int32Array {
    const tokenIds = new Int32Array(end - start);
    let at = start;
    while (at < end) {
      // Behind the last sequence comes the first again.
      const place = at % total;
      const index = firstAbove(ends, place);
      const sequence = sequences[order[index] ?? 0];
      const within = place - (index === 0 ? 0 : (ends[index - 1] ?? 0));
      const length = sequence === undefined ? 0 : lengthOf(sequence);
      if (sequence === undefined || within >= length) {
        tokenIds[at - start] = eosId;
        at += 1;
        continue;
      }
      const count = Math.min(length - within, end - at);
      tokenIds.set(readTokens(sequence, within, within + count), at - start);
      at += count;
    }
    return tokenIds;
  }

  const length = Math.ceil(total / multipleOf) * multipleOf;
  return [
    {
      id: "joined",
      length,
      readTokens: (start, end) => read(start, Math.min(end, length)),
      get tokenIds() {
        return read(0, length);
      },
    },
  ];
}

/** The index of the first of ascending numbers that is larger. */
function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
