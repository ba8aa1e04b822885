/**
 * Checks of what callers give to ready models, for those without types: each error says who, the rule, what came, and
 * the way out.
 */
import { problem } from "../graph/errors.ts";
import { DataError, type EncodedSequence, type Vocabulary } from "../data/index.ts";
import { nearestName } from "../graph/nearest-name.ts";
import { ConfigError } from "../model/index.ts";

/** A value as one would write it, cut where it is long. */
export function written(value: unknown): string {
  if (value === undefined) return "nothing";
  // JSON would write NaN as null.
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (isOwnKind(value)) {
    return `an object of ${value.constructor.name}`;
  }
  const text = JSON.stringify(value) ?? `a ${typeof value}`;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Neither a list nor a plain record. */
function isOwnKind(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return "constructor" in value && value.constructor !== Object;
}

/** @throws DataError for anything but a list, such as a single sequence */
export function requireList(who: string, what: string, value: unknown, example: string): void {
  if (Array.isArray(value)) return;
  throw new DataError({ who, rule: `${what} must be a list`, got: written(value), fix: `write ${example}` });
}

/** A sequence as text, or as the tokens that a data set has made of it. */
export type SequenceInput = string | EncodedSequence;

/** @throws DataError for tokens outside the vocabulary, which then is not the one that they were made with */
export function requireTokens(who: string, id: string, tokenIds: Int32Array, vocabulary: Vocabulary): void {
  const wrong = tokenIds.find((token) => token < 0 || token >= vocabulary.size);
  if (wrong === undefined) return;
  throw new DataError({
    who,
    rule: `tokens of ${id} must be below ${vocabulary.size}, the size of the model's vocabulary`,
    got: String(wrong),
    fix: "load the data with the model's vocabulary",
  });
}

/** The sequence of an example with labels, whether a data set has encoded it or not. */
export function sequenceOf(example: { readonly sequence: string } | EncodedSequence): SequenceInput {
  return isEncoded(example) ? example : example.sequence;
}

/** Whether a data set has already made tokens of a sequence. */
export function isEncoded(sequence: unknown): sequence is EncodedSequence {
  return typeof sequence === "object" && sequence !== null && "tokenIds" in sequence;
}

/** @throws DataError for anything but a text */
export function requireText(who: string, what: string, value: unknown): void {
  if (typeof value === "string") return;
  throw new DataError({
    who,
    rule: `${what} must be a string`,
    got: written(value),
    fix: 'write it in the letters of the vocabulary, such as "MKV"',
  });
}

/**
 * Refuses examples that are no records of the given keys.
 *
 * @param shape of one example, as one writes it
 * @throws DataError with the number of the example, from 1
 */
export function requireRecords(who: string, examples: unknown, keys: readonly string[], shape: string): void {
  requireList(who, "examples", examples, `[${shape}, …]`);
  for (const [index, example] of (examples as readonly unknown[]).entries()) {
    // a list, as was just seen
    const isRecord = typeof example === "object" && example !== null;
    const own = isEncoded(example) ? encodedKeys(keys) : keys;
    if (isRecord && own.every((key) => Reflect.get(example, key) !== undefined)) continue;
    throw new DataError({
      who,
      rule: `example ${index + 1} must have ${keys.map((key) => `'${key}'`).join(" and ")}`,
      got: written(example),
      fix: `write ${shape}`,
    });
  }
}

/** How data sets call what they have encoded. */
function encodedKeys(keys: readonly string[]): readonly string[] {
  return keys.map((key) => (key === "sequence" ? "tokenIds" : key === "labels" ? "tagIds" : key));
}

/**
 * @param what names the label and its example
 * @param none whether −1, for nothing to be learned, is one
 * @throws DataError for anything but a class
 */
export function requireClass(who: string, what: string, label: unknown, numLabels: number, none: boolean): void {
  if (Number.isInteger(label) && Number(label) < numLabels && Number(label) >= (none ? -1 : 0)) return;
  throw new DataError({
    who,
    rule:
      `${what} must be a whole number from 0 to numLabels − 1 = ` +
      `${numLabels - 1}${none ? ", or −1 where there is none to be learned" : ""}`,
    got: written(label),
    fix: "number the classes from 0, or create the model with a larger numLabels",
  });
}

/** @throws DataError for anything but a finite number */
export function requireFinite(who: string, what: string, label: unknown): void {
  if (Number.isFinite(label)) return;
  throw new DataError({
    who,
    rule: `${what} must be a finite number`,
    got: written(label),
    fix: "leave examples without a value out",
  });
}

/** @throws ConfigError for keys that are none, with the nearest name */
export function refuseUnknownKeys(who: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ConfigError(
      problem`${who}: options must be an object, got ${written(options)}; the options are ${keys.join(", ")}`,
    );
  }
  const unknown = Object.keys(options).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  const near = nearestName(unknown, keys);
  const fix = near === undefined ? `the options are ${keys.join(", ")}` : `did you mean '${near}'?`;
  throw new ConfigError(problem`${who}: '${unknown}' is not an option; ${fix}`, { code: "ERR_UNKNOWN_OPTION" });
}
