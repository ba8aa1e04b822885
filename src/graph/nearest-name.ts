/** "Did you mean …?": the known name that an unknown one was probably meant to be. */

import { distance } from "fastest-levenshtein";

/** One wrong letter in three is a slip; more is another word. */
const LETTERS_PER_SLIP = 3;
/** Shorter words are parts of too many names. */
const SHORTEST_PART = 4;

/**
 * The candidate with the fewest changed letters, case and separators aside (`num_heads` is `numHeads`); failing that,
 * one that contains the name (`features` in `numFeatures`).
 *
 * @returns undefined when nothing is near: a wrong guess helps less than none
 */
export function nearestName(unknown: string, candidates: Iterable<string>): string | undefined {
  const wanted = simplify(unknown);
  const ranked = [...candidates]
    .map((candidate) => ({ candidate, name: simplify(candidate), slips: distance(wanted, simplify(candidate)) }))
    .toSorted((a, b) => a.slips - b.slips);
  const [best] = ranked;
  if (best === undefined) return undefined;
  const allowed = Math.max(1, Math.floor(Math.max(wanted.length, best.name.length) / LETTERS_PER_SLIP));
  if (wanted.length > 1 && best.slips <= allowed) return best.candidate;
  return wanted.length >= SHORTEST_PART ? ranked.find(({ name }) => name.includes(wanted))?.candidate : undefined;
}

function simplify(name: string): string {
  return name.toLowerCase().replace(/[-_.\s]/g, "");
}
