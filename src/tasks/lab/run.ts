/** Claims are checked and experiments made: they are measured, and written down with their figures. */

import { checkPlain } from "../../lab/claim.ts";
import {
  runClaim,
  type Claim,
  type ClaimProgress,
  type ClaimResult,
  type Experiment,
  type GivenOptions,
  type JsonRecord,
  type ResultTable,
} from "../../lab/index.ts";
import { reportProgress, untilAborted, type ProgressReport, type TaskContext } from "../../runs/events.ts";
import { asUsage } from "../../runs/usage.ts";
import { writeResult, type ResultFiles } from "./write-result.ts";

export interface LabRunOptions {
  /** Where result.json and figure.svg go. */
  readonly folder: string;
  /** Fewer draws, smaller sizes. Default false. */
  readonly quick?: boolean;
}

export interface CheckedClaim {
  readonly result: ClaimResult;
  readonly files: ResultFiles;
}

export interface MadeExperiment {
  readonly result: { readonly experiment: string; readonly setting: JsonRecord; readonly measured: JsonRecord };
  readonly table: ResultTable;
  readonly files: ResultFiles;
}

/**
 * Checks a claim, and writes its result and its figure.
 *
 * @param context an aborted signal ends the work at its next step, without files
 * @throws StorageError when the files cannot be written
 */
export async function checkClaim(
  claim: Claim,
  { folder, quick = false }: LabRunOptions,
  context: TaskContext = {},
): Promise<CheckedClaim> {
  using progress = labProgress(claim.claim, context);
  const run = await runClaim(claim, { quick, onProgress: progress.onProgress });
  return { result: run.result, files: await writeResult(folder, run) };
}

/**
 * Makes an experiment, and writes its result and its figure.
 *
 * @param given the experiment's own options
 * @param context an aborted signal ends the work at its next step, without files
 * @throws UsageError for options that cannot be carried out; StorageError when the files cannot be written
 */
export async function makeExperiment(
  experiment: Experiment,
  given: GivenOptions,
  { folder, quick = false }: LabRunOptions,
  context: TaskContext = {},
): Promise<MadeExperiment> {
  const { experiment: name } = experiment;
  using progress = labProgress(name, context);
  const { onProgress, onNote } = progress;
  const outcome = await asUsage(() => experiment.run(given, { quick, onProgress, onNote }));
  const { setting, measured, table, figure } = outcome;
  checkPlain(`experiment ${name}`, { setting, measured });
  const result = { experiment: name, setting, measured };
  return { result, table, files: await writeResult(folder, { result, figure }) };
}

/** The first word about progress says how much there is to do. */
function labProgress(
  name: string,
  { signal, onEvent }: TaskContext,
): Disposable & { readonly onProgress: ClaimProgress; readonly onNote: (text: string) => void } {
  const send = untilAborted(signal, onEvent);
  let progress: ProgressReport | undefined;
  return {
    onProgress: (done, total, what) => {
      progress ??= reportProgress(send, { label: `lab ${name}`, total });
      progress.update(done, { measuring: what });
    },
    onNote: (text) => send({ type: "notice", text: `lab ${name}: ${text}` }),
    [Symbol.dispose]: () => progress?.stop(),
  };
}
