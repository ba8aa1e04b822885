/** Checks that the functions on plain arrays share, for callers without types and options from files. */
import { GraphError } from "../graph/errors.ts";
import { nearestName } from "../graph/nearest-name.ts";
import type { AttentionMechanism } from "./mechanism.ts";
import { mechanisms, type MechanismName } from "./mechanisms.ts";

/** @throws GraphError naming the option and the nearest one that there is */
export function refuseUnknownOptions(who: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !names.includes(key));
  if (unknown === undefined) return;
  const near = nearestName(unknown, names);
  const fix = near === undefined ? `the options are ${names.join(", ")}` : `did you mean '${near}'?`;
  throw new GraphError(`${who}: '${unknown}' is not an option; ${fix}`);
}

export function requirePositiveInteger(who: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  const fix = name === "numHeads" ? "omit it for one head" : "omit it for the default";
  throw new GraphError(`${who}: ${name} must be a positive integer, got ${value}; ${fix}`);
}

/**
 * A mechanism of the table by its name, or one of the user's as it is.
 *
 * @throws GraphError with the nearest name
 */
export function findMechanism(who: string, mechanism: MechanismName | AttentionMechanism): AttentionMechanism {
  if (typeof mechanism === "object") return mechanism;
  if (Object.hasOwn(mechanisms, mechanism)) return mechanisms[mechanism];
  const names = Object.keys(mechanisms);
  const near = nearestName(String(mechanism), names);
  const fix = near === undefined ? "omit it for favor" : `did you mean '${near}'?`;
  throw new GraphError(`${who}: mechanism must be among ${names.join(", ")}, got '${String(mechanism)}'; ${fix}`);
}
