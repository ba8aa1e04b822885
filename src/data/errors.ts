/** The one error that bad input data ends in. */

/** The four parts of a complaint that a reader can act on. */
export interface DataErrorParts {
  /** Who refuses: a function, or a file with the line, e.g. "human.fasta, line 12". */
  readonly who: string;
  /** The rule that was broken, e.g. "a record must carry at least one residue". */
  readonly rule: string;
  /** What came instead. */
  readonly got: string;
  /** The way out. */
  readonly fix: string;
}

/** Input data that cannot be used. The message reads "who: rule, got …; fix." and the parts are fields of their own. */
export class DataError extends Error {
  override readonly name = "DataError";
  readonly who: string;
  readonly rule: string;
  readonly got: string;
  readonly fix: string;

  constructor(parts: DataErrorParts, options?: ErrorOptions) {
    super(`${parts.who}: ${parts.rule}, got ${parts.got}; ${parts.fix}.`, options);
    this.who = parts.who;
    this.rule = parts.rule;
    this.got = parts.got;
    this.fix = parts.fix;
  }
}

/** Quotes foreign text for a message: control characters escaped, cut after 40 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** Refuses a size that is not a positive integer; `example` is a value that would do. */
export function requirePositiveInteger(who: string, name: string, value: number, example: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new DataError({
    who,
    rule: `${name} must be a positive integer`,
    got: String(value),
    fix: `pass a number such as ${example}`,
  });
}

/**
 * A file that its reader gives up on.
 *
 * @param rule what the file must be
 * @param reader what could not read it: "decoder"
 */
export function unreadableBy(who: string, rule: string, reader: string, fix: string, error: unknown): DataError {
  const message = error instanceof Error ? error.message : String(error);
  return new DataError({ who, rule, got: `"${message}" from the ${reader}`, fix }, { cause: error });
}
