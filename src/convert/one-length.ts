/** Sequences of many lengths as some of one length, which a model can be observed on. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { longestSequence } from "../model/positions.ts";

/** Exact attention, which everything is compared with, is quadratic in the length. */
const LONGEST = 512;

/**
 * The longest sequences, cut to the shortest of these; images as they are.
 *
 * @param who the name that errors begin with
 * @param most so many sequences at most
 * @throws ConfigError where there is no token
 */
export function ofOneLength(
  who: string,
  config: ModelConfig,
  tokenIds: readonly ArrayLike<number>[],
  most: number,
): readonly ArrayLike<number>[] {
  const chosen = tokenIds.toSorted((a, b) => b.length - a.length).slice(0, most);
  // An image is read whole, or not at all.
  if (config.patches) return chosen;
  const length = Math.min(LONGEST, longestSequence(config).length, chosen.at(-1)?.length ?? 0);
  if (length === 0) {
    throw new ConfigError(
      problem`${who}: tokenIds must hold sequences of one token or more, got none; give some texts or proteins`,
    );
  }
  return chosen.map((sequence) => Array.from(sequence).slice(0, length));
}
