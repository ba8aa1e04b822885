/** The one error that bad input data ends in. */
import { PerformerError, type PerformerErrorOptions, type Problem } from "../graph/errors.ts";

/** Input data that cannot be used. */
export class DataError extends PerformerError {
  override readonly name = "DataError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, "ERR_DATA", options, ".");
  }
}

/** Quotes foreign text for a message: control characters escaped, cut after 40 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
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
