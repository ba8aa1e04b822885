/** The one error of files: one that could not be written, read or understood. */
import { PerformerError, type PerformerErrorOptions, type Problem } from "../graph/errors.ts";

/**
 * Thrown by everything in `files/` and `storage/`. The message names the file, the rule, what was found and the way
 * out; `cause` holds the platform's error where there was one.
 */
export class StorageError extends PerformerError {
  override readonly name = "StorageError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, "ERR_STORAGE", options);
  }
}
