/** Uses that attention by content supports. */
import { refuseTooLong } from "../sparse/shapes.ts";
import type { MechanismUse, Refusal } from "../mechanism.ts";

/**
 * @param options what a sequence must be at least as long as: buckets or clusters, and windows, by the names of the
 * options
 */
export function refuseContent(use: MechanismUse, options: Readonly<Record<string, number>>): Refusal | undefined {
  if (use.cross) {
    return {
      rule: "keys must be the queries, which are sorted together",
      got: "cross-attention",
      fix: "use 'exact' or 'favor' there",
    };
  }
  return refuseTooLong(use, options);
}
