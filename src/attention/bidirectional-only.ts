/** For mechanisms in which every output takes up the whole sequence, so that causal attention is undefined. */
import { GraphError, problem } from "../graph/errors.ts";
import type { MechanismUse, Refusal } from "./mechanism.ts";

const refusal: Refusal = {
  rule: "attention must be bidirectional, for this mechanism sums up the whole sequence before any query is read",
  got: "causal",
  fix: "use a causal mechanism such as 'favor', 'linear', 'cosformer' or 'exact'",
};

/** Read while a configuration is. */
export function refuseCausal({ causal }: Pick<MechanismUse, "causal">): Refusal | undefined {
  return causal ? refusal : undefined;
}

/** @throws GraphError for causal attention */
export function requireBidirectional(who: string, causal: boolean): void {
  if (causal) throw new GraphError(problem`${who}: ${refusal.rule}, got ${refusal.got}; ${refusal.fix}`);
}
