/** What attention by content asks of its use. */
import type { MechanismUse, Refusal } from "../mechanism.ts";

/** @param options what a sequence must be at least as long as: buckets or clusters, and windows, by the names of the options */
export function refuseContent(
  { cross, maxSeqLen }: MechanismUse,
  options: Readonly<Record<string, number>>,
): Refusal | undefined {
  if (cross) {
    return {
      rule: "keys must be the queries, which are sorted together",
      got: "cross-attention",
      fix: "use 'exact' or 'favor' there",
    };
  }
  const large = Object.entries(options).find(([, value]) => value > maxSeqLen);
  if (large === undefined) return undefined;
  return {
    rule: `${large[0]} must be at most the longest sequence, ${maxSeqLen}`,
    got: String(large[1]),
    fix: "make it smaller, or use 'exact'",
  };
}
