/** Checks of options, for callers without types and options from files. */
import { GraphError, problem } from "../graph/errors.ts";
import { nearestName } from "../graph/nearest-name.ts";

/** @throws GraphError naming the option and the nearest one that there is */
export function refuseUnknownOptions(who: string, options: object, names: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new GraphError(
      problem`${who}: the options must be an object, got ${shown(options)}; the options are ${names.join(", ")}`,
    );
  }
  const unknown = Object.keys(options).find((key) => !names.includes(key));
  if (unknown === undefined) return;
  const near = nearestName(unknown, names);
  const fix = near === undefined ? `the options are ${names.join(", ")}` : `did you mean '${near}'?`;
  throw new GraphError(problem`${who}: '${unknown}' is not an option; ${fix}`, { code: "ERR_UNKNOWN_OPTION" });
}

export function requirePositiveInteger(who: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  const fix = name === "numHeads" ? "omit it for one head" : "omit it for the default";
  throw new GraphError(problem`${who}: ${name} must be a positive integer, got ${shown(value)}; ${fix}`);
}

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

/** A value as one would write it, so that "2" is not taken for 2. */
export function shown(value: unknown): string {
  return typeof value === "string" ? `'${value}'` : String(value);
}
