/** Checkpoints of a run: each complete by its rename, the earlier one deleted only after that. */

import { problem } from "../graph/errors.ts";
import { paths } from "#files";
import type { NdArray } from "../graph/ndarray.ts";
import { StorageError } from "./errors.ts";
import {
  linkOrCopyAtomically,
  listFolder,
  PARTIAL_MARK,
  readFileOrExplain,
  readTextOrExplain,
  removeFolder,
  REPLACED_MARK,
  writeFolderAtomically,
} from "./files.ts";
import { parseJson, toExactJson, type JsonValue } from "./json.ts";
import type { RunFolder } from "./run-folder.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

export interface CheckpointContent {
  /** Optimizer steps done so far; the name of the checkpoint. */
  readonly step: number;
  /** Weights and projections by name. */
  readonly model: Readonly<Record<string, NdArray>>;
  /** Moments and the like by name. */
  readonly optimizer: Readonly<Record<string, NdArray>>;
  /** All else that a resumed run needs: a JSON value (schedules, generator states, the place in the data). */
  readonly trainerState: unknown;
  /** Text that goes into the headers of both tensor files. Default none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How many checkpoints stay, this one included. Default 1: a checkpoint is three times the model's size. */
  readonly keep?: number;
}

export interface Checkpoint {
  readonly step: number;
  readonly path: string;
  readonly model: Record<string, NdArray>;
  readonly optimizer: Record<string, NdArray>;
  readonly trainerState: JsonValue;
  readonly metadata: Record<string, string>;
}

interface CheckpointName {
  readonly step: number;
  readonly path: string;
}

/**
 * Also a complete checkpoint that was set aside while another of the same step took its name, and left there by an
 * interruption.
 */
const CHECKPOINT_NAME = new RegExp(`^checkpoint-(\\d+)(${REPLACED_MARK.replace(".", "\\.")}[0-9a-f]+)?$`);

/**
 * Writes checkpoint-<step>/ with a copy of the run's config.json, points the run's model.safetensors at it, and only
 * then deletes earlier checkpoints beyond `keep`. A checkpoint of the same step is replaced. Leftovers of interrupted
 * writes are deleted first: one process writes a run at a time.
 *
 * @returns the path of the checkpoint
 * @throws StorageError when it cannot be written; the earlier checkpoint is then whole, and named in the message
 */
export async function writeCheckpoint(folder: RunFolder, content: CheckpointContent): Promise<string> {
  const { step, keep = 1, metadata = {} } = content;
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new StorageError(
      problem`writeCheckpoint: step must be an integer ≥ 0, got ${step}; give the number of steps that are done.`,
    );
  }
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new StorageError(
      problem`writeCheckpoint: keep must be an integer ≥ 1, got ${keep}; 1 keeps the newest only.`,
    );
  }
  const path = paths.join(folder.path, `checkpoint-${step}`);
  await removeLeftovers(folder);
  const [previous] = await listCheckpoints(folder);
  const safe = previous === undefined ? {} : { stillThere: `the previous checkpoint is at ${previous.path}` };
  const files = {
    "config.json": await readFileOrExplain(folder.configPath, "the run's configuration"),
    "model.safetensors": encodeSafetensors(content.model, metadata),
    "optimizer.safetensors": encodeSafetensors(content.optimizer, metadata),
    "trainer_state.json": toExactJson(content.trainerState, "writeCheckpoint: trainerState"),
  };
  await writeFolderAtomically(path, files, { ...safe, replace: true });
  await linkOrCopyAtomically(paths.join(path, "model.safetensors"), folder.modelPath, {
    stillThere: `the checkpoint is complete at ${path}`,
  });
  const earlier = (await listCheckpoints(folder)).filter((other) => other.step < step);
  for (const { path: old } of earlier.slice(keep - 1)) await removeFolder(old);
  return path;
}

/**
 * The checkpoint of the highest step, or undefined when none is complete yet. Unfinished ones (`*.partial-*`) do not
 * count.
 *
 * @throws StorageError when it is damaged; the message names it, and an older whole one if there is one
 */
export async function readLatestCheckpoint(folder: RunFolder): Promise<Checkpoint | undefined> {
  const [newest, ...older] = await listCheckpoints(folder);
  if (newest === undefined) return undefined;
  try {
    return await readCheckpoint(newest);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const whole = await firstWhole(older);
    const wayOut =
      whole === undefined
        ? "There is no older one; restore it from a copy, or start again with another --out."
        : `An older one is whole: ${whole.path}; delete ${newest.path} to continue from there.`;
    throw new StorageError(problem`the newest checkpoint ${newest.path} is damaged: ${reason} ${wayOut}`, { cause });
  }
}

/** Complete checkpoints by name, highest step first; of a step that is there twice, the one with the plain name. */
async function listCheckpoints(folder: RunFolder): Promise<readonly CheckpointName[]> {
  const found = new Map<number, string>();
  // Sorted, checkpoint-7 comes before checkpoint-7.replaced-…
  for (const name of ((await listFolder(folder.path)) ?? []).toSorted()) {
    const step = Number(CHECKPOINT_NAME.exec(name)?.[1] ?? Number.NaN);
    if (Number.isSafeInteger(step) && !found.has(step)) found.set(step, paths.join(folder.path, name));
  }
  return [...found].map(([step, path]) => ({ step, path })).toSorted((a, b) => b.step - a.step);
}

async function readCheckpoint({ step, path }: CheckpointName): Promise<Checkpoint> {
  const modelPath = paths.join(path, "model.safetensors");
  const optimizerPath = paths.join(path, "optimizer.safetensors");
  const statePath = paths.join(path, "trainer_state.json");
  const model = decodeSafetensors(await readFileOrExplain(modelPath), { name: modelPath });
  const optimizer = decodeSafetensors(await readFileOrExplain(optimizerPath), { name: optimizerPath });
  const trainerState = parseJson(await readTextOrExplain(statePath), statePath);
  return { step, path, model: model.tensors, optimizer: optimizer.tensors, trainerState, metadata: model.metadata };
}

async function firstWhole(names: readonly CheckpointName[]): Promise<CheckpointName | undefined> {
  for (const name of names) {
    const whole = await readCheckpoint(name).then(
      () => true,
      () => false,
    );
    if (whole) return name;
  }
  return undefined;
}

/** Also a replaced checkpoint whose replacement is there: the process was stopped before it deleted the old one. */
async function removeLeftovers(folder: RunFolder): Promise<void> {
  const names = (await listFolder(folder.path)) ?? [];
  for (const name of names) {
    const [original = "", replaced] = name.split(REPLACED_MARK);
    const isLeftover = name.includes(PARTIAL_MARK) || (replaced !== undefined && names.includes(original));
    if (isLeftover) await removeFolder(paths.join(folder.path, name));
  }
}
