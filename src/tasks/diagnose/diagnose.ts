/** What random features make of a trained model's attention, layer by layer, head by head. */

import { join } from "node:path";

import {
  DataError,
  getSplit,
  proteinVocabulary,
  type EncodedSequence,
  type ProteinDataset,
  type SplitName,
} from "../../data/index.ts";
import { diagnoseModel, type ModelDiagnosis } from "../../inference/observe-diagnosis.ts";
import type { DataOptions } from "../../runs/data/options.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import { notice, reportProgress, untilAborted, type TaskContext } from "../../runs/events.ts";
import type { RunConfig } from "../../runs/run-config.ts";
import { loadRunData, openRunModel } from "../../runs/run-model.ts";
import { createFolder, writeFileAtomically } from "../../storage/files.ts";

/** Exact attention, which everything is compared with, is quadratic in the length. */
export const LONGEST = 512;

export interface DiagnoseTaskOptions extends DataOptions, EngineOptions {
  /** The split of the data. */
  readonly split: SplitName;
  /** How many sequences. */
  readonly sequences: number;
  /** Tokens of a sequence that are read. Default: what the longest so many have, at most 512. */
  readonly length?: number;
  /** Random features. Default: the model's. */
  readonly features?: number;
  /** The output error that one can live with, a share of 1. */
  readonly wantedError: number;
  /** Same seed, same result. Default 0. */
  readonly seed: number;
  /** A folder for attention.svg. */
  readonly out?: string;
}

export interface DiagnoseResult extends ModelDiagnosis {
  readonly split: SplitName;
  readonly length: number;
  readonly ids: readonly string[];
  /** The picture of exact and approximate attention; null where none was asked for. */
  readonly picture: string | null;
}

/**
 * @param folder of a run
 * @throws StorageError, ConfigError for what is no run; DataError for data without sequences that are long enough
 */
export async function diagnoseRun(
  folder: string,
  options: DiagnoseTaskOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<DiagnoseResult> {
  const told = untilAborted(signal, onEvent);
  const { config, tensors, backend } = await openRunModel(folder, options);
  const dataset = await loadRunData(config, options, "diagnose on", told);
  const { split, sequences: count, features, wantedError, seed, out } = options;
  const { tokenIds, length, ids } = chooseSequences(dataset, config, options);
  const progress = reportProgress(told, { label: "lab diagnose", total: config.model.numLayers });
  const common = { config: config.model, tensors, backend };
  let diagnosis: ModelDiagnosis;
  try {
    diagnosis = await diagnoseModel({
      ...common,
      tokenIds,
      wantedError,
      seed,
      samples: LONGEST,
      ...(features !== undefined && { numFeatures: features }),
      onLayer: (done) => progress.update(done),
    });
  } finally {
    progress.stop();
  }
  const picture = out === undefined ? null : join(out, "attention.svg");
  if (out !== undefined && picture !== null) {
    // Loaded when it is needed: plots and a document cost every other task a third of a second.
    const { drawAttention } = await import("./attention-picture.ts");
    const svg = await drawAttention({ ...common, tokenIds: tokenIds.slice(0, 1), diagnosis });
    await createFolder(out);
    await writeFileAtomically(picture, svg);
  }
  if (tokenIds.length < count) {
    notice(
      told,
      `lab diagnose: ${tokenIds.length} sequences of ${length} tokens or more are in the data, of ${count} asked for`,
    );
  }
  return { split, length, ids, picture, ...diagnosis };
}

interface ChosenSequences {
  readonly ids: readonly string[];
  /** What the model reads: <bos>, and residues up to the length. */
  readonly tokenIds: readonly Int32Array[];
  readonly length: number;
}

/** The first sequences that are long enough, cut to one length. */
function chooseSequences(
  dataset: ProteinDataset,
  { model }: RunConfig,
  { split, sequences: count, length: wanted }: DiagnoseTaskOptions,
): ChosenSequences {
  const all = getSplit(dataset, split);
  const lengths = all.map(({ tokenIds }) => tokenIds.length).toSorted((a, b) => b - a);
  const reached = lengths[Math.min(count, lengths.length) - 1] ?? 0;
  const length = wanted ?? Math.min(reached, LONGEST, model.maxSeqLen);
  const longEnough = all.filter(({ tokenIds }) => tokenIds.length >= length).slice(0, count);
  if (longEnough.length === 0 || length === 0) {
    throw new DataError({
      who: `${dataset.name}, split ${split}`,
      rule: `a sequence must have ${Math.max(1, length)} residues or more`,
      got: `at most ${lengths[0] ?? 0}`,
      fix: "give a smaller --length",
    });
  }
  return { length, ids: longEnough.map(({ id }) => id), tokenIds: longEnough.map((each) => inputIds(each, length)) };
}

function inputIds({ tokenIds }: EncodedSequence, length: number): Int32Array {
  return Int32Array.of(proteinVocabulary.bosId, ...tokenIds.subarray(0, length - 1));
}
