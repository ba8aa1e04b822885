/** The operating system's errors as sentences that say what happened, what is safe and what to do. */

import { PerformerError, problem, type ErrorCode, type Problem } from "../graph/errors.ts";
import { files, paths } from "#files";
import { StorageError } from "./errors.ts";

/** What was tried when the error came. */
export interface Attempt {
  readonly action: "write" | "read" | "create" | "delete";
  readonly path: string;
  /** How many bytes the whole write needs. */
  readonly sizeBytes?: number;
  /** What is safe all the same, to end the sentence with. */
  readonly stillThere?: string;
}

const noPermission = async ({ action, path }: Attempt): Promise<Problem> =>
  problem`no permission to ${action} ${path}; change the permissions of ${paths.dirname(path)} or choose another path`;

/** By error code; what is not here is told in the operating system's words. */
const explanations: Readonly<Record<string, (attempt: Attempt) => Promise<Problem>>> = {
  ENOSPC: async ({ path, sizeBytes = 0 }) =>
    problem`disk full: ${path} needs ${sizeBytes} bytes, ${await freeBytes(paths.dirname(path))} free; free some space or
    choose another --out`,
  EDQUOT: async ({ path, sizeBytes = 0 }) =>
    problem`disk full: ${path} needs ${sizeBytes} bytes, more than your quota on this disk leaves; free some space or
    choose another --out`,
  EACCES: noPermission,
  EPERM: noPermission,
  EROFS: async ({ action, path }) => problem`cannot ${action} ${path}: the disk is read-only; choose another --out`,
  ENOENT: async ({ action, path }) =>
    problem`cannot ${action} ${path}: the folder ${paths.dirname(path)} is not there; create it or check the path`,
  ENOTDIR: async ({ action, path }) =>
    problem`cannot ${action} ${path}: a part of this path is a file, not a folder; choose another path`,
  EISDIR: async ({ action, path }) =>
    problem`cannot ${action} ${path}: it is a folder, not a file; choose another path`,
  EEXIST: async ({ action, path }) =>
    problem`cannot ${action} ${path}: something else has this name; choose another path`,
};

/** Codes of our own for some of the operating system's. */
const ownCodes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "ERR_DISK_FULL",
  EDQUOT: "ERR_DISK_FULL",
  EACCES: "ERR_PERMISSION",
  EPERM: "ERR_PERMISSION",
  EROFS: "ERR_PERMISSION",
  ENOENT: "ERR_NOT_FOUND",
};

/** The error to throw for a failed file operation; one that is explained already is returned as it is. */
export async function explainFailure(error: unknown, attempt: Attempt): Promise<StorageError> {
  if (error instanceof StorageError) return error;
  const { action, path, stillThere } = attempt;
  const reason = error instanceof Error ? error.message : String(error);
  const osCode = codeOf(error) ?? "";
  const code = ownCodes[osCode];
  const explain = explanations[osCode];
  const found = explain === undefined ? problem`cannot ${action} ${path}: ${reason}` : await explain(attempt);
  const fix = [found.fix, stillThere === undefined ? undefined : `nothing was lost: ${stillThere}`];
  const said = fix.filter((part) => part !== undefined).join("; ");
  return new StorageError(
    { ...found, ...(said === "" ? { rule: `${found.rule}.` } : { fix: `${said}.` }) },
    { cause: error, ...(code && { code }) },
  );
}

/** `ENOSPC` and the like; undefined for an error that does not come from the operating system. */
export function codeOf(error: unknown): string | undefined {
  // Our own errors have codes of their own.
  if (!(error instanceof Error) || error instanceof PerformerError || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What a write may use. Asked after the temporary file is gone, so it is what the next try would have. */
async function freeBytes(folder: string): Promise<string> {
  return String((await files.freeBytes(folder)) ?? "an unknown number");
}
