/** How an epoch samples: all tokens equally often, or all sequences. */
import { DataError } from "./errors.ts";
import type { Concatenation } from "./concatenated.ts";

/** Ways of sampling. */
export const samplingRules = ["tokens", "sequences"] as const;

/** How often long sequences come up in training; evaluation always reads everything. */
export interface SequenceSampling {
  /**
   * "tokens": a sequence longer than maxSeqLen gives as many windows as it has, so that an epoch reads every token once
   * and long sequences weigh by their length. "sequences": every sequence gives one row an epoch, a long one a window
   * that begins at a place drawn anew, so that one giant protein weighs no more than a short one. Default "tokens".
   */
  readonly sampling?: (typeof samplingRules)[number];
}

/**
 * Refuses to sample by sequences where these are joined into rows.
 *
 * @throws DataError
 */
export function checkSampling(who: string, { sampling, concatenate }: SequenceSampling & Concatenation): void {
  if (sampling !== "sequences" || concatenate !== true) return;
  throw new DataError({
    who,
    rule:
      "sampling must be 'tokens' where sequences are joined (concatenate), for all of their tokens stand in the " +
      "rows",
    got: "'sequences'",
    fix: "leave one of the two out",
  });
}
