/** A training run is a folder: what lies where in it, and how one is begun, found again and described. */

import { problem } from "../graph/errors.ts";
import { paths } from "#files";
import { StorageError } from "./errors.ts";
import { createFolder, listFolder, readTextOrExplain, writeFileAtomically } from "./files.ts";
import { parseJson, toExactJson, type JsonValue } from "./json.ts";
import { requireNewFolder } from "./new-folder.ts";

/**
 * The paths of a run:
 *
 *     config.json         the model's and the training's configuration
 *     model.safetensors   weights and projections of the newest checkpoint
 *     metrics.jsonl       one JSON object a line, in the order of steps
 *     report.html         the run as a page
 *     checkpoint-<step>/  model.safetensors, optimizer.safetensors, trainer_state.json, config.json
 */
export interface RunFolder {
  readonly path: string;
  readonly configPath: string;
  readonly modelPath: string;
  readonly metricsPath: string;
  readonly reportPath: string;
}

/**
 * Begins a run in a new or empty folder.
 *
 * @throws StorageError when the folder holds anything (nothing in it is touched) or cannot be created
 */
export async function createRunFolder(path: string): Promise<RunFolder> {
  await requireNewRunFolder(path);
  await createFolder(path);
  return runFolderAt(path);
}

/** A folder that is in use is refused before anything costs time; that it still is free is seen when the run begins. */
export async function requireNewRunFolder(path: string): Promise<void> {
  await requireNewFolder(path, "go on with the run in it with --resume");
}

/**
 * Finds a run again, to read it or to continue it. Changes nothing.
 *
 * @throws StorageError when there is no such folder, or it holds no config.json
 */
export async function openRunFolder(path: string): Promise<RunFolder> {
  const names = await listFolder(path);
  if (names === undefined) {
    throw new StorageError(problem`${path}: a run folder is needed, but there is no such folder; check the path.`, {
      code: "ERR_NOT_FOUND",
    });
  }
  if (!names.includes("config.json")) {
    const found = names.length === 0 ? "the folder is empty" : `it holds ${listShortly(names)}`;
    throw new StorageError(
      problem`${path} is no run folder: it must hold config.json, but ${found}; give the folder that was --out of the
      training.`,
    );
  }
  return runFolderAt(path);
}

/** Writes config.json of the run; each checkpoint from then on holds a copy of it. */
export async function writeConfig(folder: RunFolder, config: object): Promise<void> {
  await writeFileAtomically(folder.configPath, toExactJson(config, "the configuration"));
}

/** What {@link writeConfig} wrote; the caller knows its fields and checks them. */
export async function readConfig(folder: RunFolder): Promise<JsonValue> {
  return parseJson(await readTextOrExplain(folder.configPath, "the run's configuration"), folder.configPath);
}

/** Writes report.html of the run. */
export async function writeReport(folder: RunFolder, html: string): Promise<void> {
  await writeFileAtomically(folder.reportPath, html);
}

function runFolderAt(path: string): RunFolder {
  return {
    path,
    configPath: paths.join(path, "config.json"),
    modelPath: paths.join(path, "model.safetensors"),
    metricsPath: paths.join(path, "metrics.jsonl"),
    reportPath: paths.join(path, "report.html"),
  };
}

function listShortly(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(", ");
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown;
}
