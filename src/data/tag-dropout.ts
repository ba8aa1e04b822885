/** Tags that are left out now and then, so that a model also learns to begin without one. */
import { createRandom } from "../random/index.ts";
import { startOf, type EncodedSequence } from "./datasets.ts";
import { DataError } from "./errors.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How often training leaves a tag out; evaluation never does. */
export interface TagDropout {
  /**
   * The share of tagged rows that read <bos> instead, drawn anew every time that one comes: where all sequences have
   * tags, <bos> would otherwise be learnt from nothing. Default 0.1, the share for which classifier-free guidance
   * leaves labels out (arXiv:2207.12598); ProGen (arXiv:2004.03497) shows every protein without its tags too.
   */
  readonly tagDropout?: number;
}

/** The token in front of the sequence that a batch's row holds the beginning of. */
export type StartTokens = (sequence: EncodedSequence, row: number) => number;

/**
 * @returns the tokens in front of the sequences of a step's batch: a function of seed, step and row
 * @throws DataError when the share is outside [0, 1)
 */
export function createTagDropout(
  who: string,
  { tagDropout = 0.1, seed }: TagDropout & { readonly seed: number | string },
  vocabulary: Pick<Vocabulary, "bosId">,
): (step: number) => StartTokens {
  if (!(tagDropout >= 0 && tagDropout < 1)) {
    throw new DataError({
      who,
      rule: "tagDropout must be in [0, 1)",
      got: String(tagDropout),
      fix: "pass 0.1, or 0 to show every tag",
    });
  }
  return (step) => (sequence, row) => {
    const isLeftOut =
      sequence.startId !== undefined && createRandom(seed, "tag dropout", step, row).uniform() < tagDropout;
    return isLeftOut ? vocabulary.bosId : startOf(sequence, vocabulary);
  };
}
