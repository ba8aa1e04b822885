/** Mechanisms as options name them. */
import { GraphError, problem } from "../graph/errors.ts";
import { createMechanism, type MechanismChoice } from "./choice.ts";
import type { AttentionMechanism } from "./mechanism.ts";

/**
 * A mechanism of the table by its name or with its options, or one of the user's as it is.
 *
 * @throws ConfigError as `createMechanism`; GraphError for a feature map, which is no mechanism yet
 */
export function findMechanism(who: string, mechanism: MechanismChoice | AttentionMechanism): AttentionMechanism {
  if (typeof mechanism !== "object" || mechanism === null) return createMechanism(mechanism, who);
  if ("apply" in mechanism) return mechanism as AttentionMechanism; // the other has names and options
  if ("features" in mechanism) {
    throw new GraphError(
      problem`${who}: mechanism must be a name or a mechanism, got a feature map; give favorMechanism(map)`,
    );
  }
  return createMechanism(mechanism, who);
}
