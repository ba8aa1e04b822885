// The one error of this folder: a file that could not be written, read or understood.

/**
 * Thrown by everything in `storage/`. The message names the file, the rule, what was found and the way out; `cause` holds the
 * operating system's error where there was one.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
}
