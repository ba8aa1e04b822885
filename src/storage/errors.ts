/** The error of this folder, which is that of the files below it. */
export { StorageError } from "../files/errors.ts";
