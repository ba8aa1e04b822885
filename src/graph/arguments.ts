/** Checks of arguments, for callers without types. */
import { ArgumentError, problem, type ErrorClass } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";

/**
 * A value as a message shows it: text in quotes, so that "2" is not taken for 2, and the outline of an array or an
 * object.
 */
export function shown(value: unknown): string {
  if (typeof value === "string") return value.length > 60 ? `'${value.slice(0, 60)}…'` : `'${value}'`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  const keys = Object.keys(ArrayBuffer.isView(value) ? {} : value);
  if (keys.length > 0) return `an object with ${keys.slice(0, 5).join(", ")}`;
  return ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : "an object without keys";
}

/** An object with names, no array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** @throws ArgumentError unless `holds`: `name` must be `what`. */
export function requireArgument(holds: boolean, who: string, name: string, what: string, value: unknown, fix: string) {
  if (!holds) throw new ArgumentError(problem`${who}: ${name} must be ${what}, got ${shown(value)}; ${fix}`);
}

/**
 * @param fix what to pass instead
 * @param Class of the error for everything else; default ArgumentError
 */
export function requirePositiveInteger(
  who: string,
  name: string,
  value: number,
  fix: string,
  Class: ErrorClass = ArgumentError,
): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new Class(problem`${who}: ${name} must be a positive integer, got ${shown(value)}; ${fix}`);
}

/** @throws ArgumentError, or one of the other class, naming the option and the nearest one that there is */
export function refuseUnknownOptions(
  who: string,
  options: object,
  names: readonly string[],
  Class: ErrorClass = ArgumentError,
): void {
  if (!isRecord(options)) {
    throw new Class(
      problem`${who}: the options must be an object, got ${shown(options)}; the options are ${names.join(", ")}`,
    );
  }
  const unknown = Object.keys(options).find((key) => !names.includes(key));
  if (unknown === undefined) return;
  const near = nearestName(unknown, names);
  const fix = near === undefined ? `the options are ${names.join(", ")}` : `did you mean '${near}'?`;
  throw new Class(problem`${who}: '${unknown}' is not an option; ${fix}`, { code: "ERR_UNKNOWN_OPTION" });
}
