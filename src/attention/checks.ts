/** Checks of options, for callers without types and options from files. */
import { shown } from "../graph/arguments.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { nearestName } from "../graph/nearest-name.ts";

/** For callers from whom "false" may come, which is true. */
export function requireBoolean(who: string, name: string, value: boolean): void {
  if (typeof value === "boolean") return;
  throw new GraphError(problem`${who}: ${name} must be true or false, got ${shown(value)}; omit it for false`);
}

/** @throws GraphError with the nearest name */
export function requireOneOf(who: string, name: string, value: string, names: readonly string[]): void {
  if (names.includes(value)) return;
  const near = typeof value === "string" ? nearestName(value, names) : undefined;
  const fix = near === undefined ? "omit it for the default" : `did you mean '${near}'?`;
  throw new GraphError(problem`${who}: ${name} must be one of ${names.join(", ")}, got ${shown(value)}; ${fix}`);
}
