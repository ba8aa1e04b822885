/** The one error of files: one that could not be written, read or understood. */

/**
 * Thrown by everything in `files/` and `storage/`. The message names the file, the rule, what was found and the way out; `cause` holds
 * the platform's error where there was one.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
}
