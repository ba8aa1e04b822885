/** Run folders and checkpoints on disk, or in the storage of a page. */
export { readLatestCheckpoint, writeCheckpoint } from "./checkpoints.ts";
export type { Checkpoint, CheckpointContent } from "./checkpoints.ts";
export { StorageError } from "./errors.ts";
export { createRunFolder, openRunFolder, readConfig, writeConfig } from "./run-folder.ts";
export type { RunFolder } from "./run-folder.ts";
