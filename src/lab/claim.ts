/** A claim of the literature that can be checked by running it: its form, and what a run of it yields. */

import { ArgumentError, problem } from "../graph/errors.ts";
import type { Figure } from "./figure.ts";
import { findNotJson, type JsonRecord } from "./json.ts";

/**
 * Tells how far a run is.
 *
 * @param done units of work that are done
 * @param total all units, the same at every call of one run
 * @param what what is being computed, in a few words
 */
export type ClaimProgress = (done: number, total: number, what: string) => void;

export interface ClaimOptions {
  /** Seconds instead of minutes: fewer draws, smaller sizes, the same names in `setting` and `measured`. */
  readonly quick: boolean;
  /** Called with the progress so far. Default: not called. */
  readonly onProgress: ClaimProgress;
}

/** What a claim's own code yields. */
export interface ClaimOutcome {
  /** Everything that was chosen: sizes, counts, seeds. */
  readonly setting: JsonRecord;
  /** What came out. Every number finite: what cannot be measured is null, or left out. */
  readonly measured: JsonRecord;
  /** Whether the measured figures bear the claim out. A claim that does not hold is a result, not an error. */
  readonly holds: boolean;
  readonly figure: Figure;
}

export interface Claim {
  /** Its name on the command line and its folder in lab/: lower-case words joined by hyphens. */
  readonly claim: string;
  /** The claim itself, as one sentence. */
  readonly title: string;
  /** What the source says, in words and figures. */
  readonly published: string | JsonRecord;
  readonly run: (options: ClaimOptions) => Promise<ClaimOutcome>;
}

/** What result.json and `--json` hold, in this order. */
export interface ClaimResult {
  readonly claim: string;
  readonly setting: JsonRecord;
  readonly published: string | JsonRecord;
  readonly measured: JsonRecord;
  readonly holds: boolean;
}

/** A run of a claim: its figures, and its picture. */
export interface ClaimRun {
  readonly result: ClaimResult;
  readonly figure: Figure;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
/** `performer lab run all` means every claim. */
const RESERVED = "all";

/** @throws ArgumentError for names that cannot be folders and arguments */
export function checkLabName(who: string, what: string, name: string): void {
  if (NAME.test(name) && name !== RESERVED) return;
  throw new ArgumentError(
    problem`${who}: ${what}'s name must be lower-case words joined by hyphens, and not "${RESERVED}", got
    ${JSON.stringify(name)}; name it as its folder in lab/, such as "unsigned-qr".`,
  );
}

/**
 * A claim whose name can be a folder and an argument.
 *
 * @returns the same object
 * @throws ArgumentError when the name has another form or is taken, or the title is empty
 */
export function defineClaim(claim: Claim): Claim {
  const { claim: name, title } = claim;
  checkLabName("defineClaim", "a claim", name);
  if (title.trim() === "") {
    throw new ArgumentError(
      problem`defineClaim: ${name} must have a title, got none; say in one sentence what is claimed.`,
    );
  }
  return claim;
}

/**
 * Runs a claim and puts its outcome into the form in which it is written down.
 *
 * @throws ArgumentError when the outcome holds what JSON cannot: NaN and infinities, typed arrays, undefined
 */
export async function runClaim(claim: Claim, options: ClaimOptions): Promise<ClaimRun> {
  const { setting, measured, holds, figure } = await claim.run(options);
  const result: ClaimResult = { claim: claim.claim, setting, published: claim.published, measured, holds };
  checkPlain(`claim ${claim.claim}`, { setting, published: claim.published, measured });
  return { result, figure };
}

/** @throws ArgumentError when a part of a result holds what JSON cannot: NaN and infinities, typed arrays, undefined */
export function checkPlain(who: string, parts: Readonly<Record<string, unknown>>): void {
  for (const [part, value] of Object.entries(parts)) {
    const found = findNotJson(value, part);
    if (found === undefined) continue;
    throw new ArgumentError(
      problem`${who}: every figure must be plain JSON with finite numbers, got ${found.got} at ${found.path}; use null or
      words for what has no finite value, Array.from for typed arrays.`,
    );
  }
}
