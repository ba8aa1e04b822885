/** Mechanisms as options name them. */
import { GraphError } from "../graph/errors.ts";
import { nearestName } from "../graph/nearest-name.ts";
import { shown } from "./checks.ts";
import type { AttentionMechanism } from "./mechanism.ts";
import { mechanisms, type MechanismName } from "./mechanisms.ts";

/**
 * A mechanism of the table by its name, or one of the user's as it is.
 *
 * @throws GraphError with the nearest name
 */
export function findMechanism(who: string, mechanism: MechanismName | AttentionMechanism): AttentionMechanism {
  if (typeof mechanism === "object" && mechanism !== null) {
    if ("apply" in mechanism) return mechanism;
    throw new GraphError(
      `${who}: mechanism must be a name or a mechanism, got ${"features" in mechanism ? "a feature map" : "another object"}; ` +
        "give favorMechanism(map)",
    );
  }
  if (Object.hasOwn(mechanisms, mechanism)) return mechanisms[mechanism];
  const names = Object.keys(mechanisms);
  const near = nearestName(String(mechanism), names);
  const fix = near === undefined ? "omit it for favor" : `did you mean '${near}'?`;
  throw new GraphError(`${who}: mechanism must be among ${names.join(", ")}, got ${shown(mechanism)}; ${fix}`);
}
