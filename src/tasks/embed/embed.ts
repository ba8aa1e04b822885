/** What a trained or a pretrained model makes of proteins, texts or images, as vectors. */

import { problem } from "../../graph/errors.ts";
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";

import { checkPooling, type Pooling } from "../../inference/embed.ts";
import { fingerprint } from "../../inference/fingerprint.ts";
import type { WeightDtype } from "../../onnx/weight-dtype.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import {
  notice,
  reportReading,
  untilAborted,
  type OnEvent,
  type ReadUnit,
  type TaskContext,
} from "../../runs/events.ts";
import { memoryLimitOn } from "../../runtime/node-memory.ts";
import { openEmbeddingModel } from "../../runs/open-model.ts";
import { packageVersion } from "../../runs/run-config.ts";
import { asUsage, UsageError } from "../../runs/usage.ts";
import { defaultDevice } from "../../runtime/node.ts";
import type { WriteText } from "../../text/json-list.ts";
import { formatCount } from "../../text/numbers.ts";
import { listImages } from "../input/image-input.ts";
import { openInput, readsPipe, type EmbedInput, type InputOptions, type InputWords } from "../input/input.ts";
import { formatOf, type FormatName } from "./format.ts";
import type { EmbeddingPlan } from "./embedding-format.ts";
import type { Precision } from "./numbers.ts";
import type { OutputRequest } from "./partial-output.ts";
import { embedToFile, embedToText, type EmbeddingJob } from "./write-embeddings.ts";

export interface EmbedOptions extends EngineOptions, InputOptions {
  /** How weights are stored. */
  readonly dtype: WeightDtype;
  /** Default: mean, or what a pretrained model's folder says. */
  readonly pooling?: Pooling;
  /** The precision of the written numbers. */
  readonly precision: Precision;
  /** Divides each vector by its length. Default: as the folder says. */
  readonly normalize?: boolean;
  /** The file to write: .parquet, .npy or .jsonl. */
  readonly out?: string;
  /** The file's format. Default: by the ending of `out`. */
  readonly format?: FormatName;
  /** Continue what an interrupted command has written. Default false. */
  readonly resume?: boolean;
  /** Replace a file that is there. Default false. */
  readonly overwrite?: boolean;
}

/**
 * The result of embedding into a file. Counts have the names of what they count: `sequences`, `residues`,
 * `residuesPerSecond`.
 */
export interface EmbedResult extends Counts {
  /** The files that there are now; none when it was interrupted. */
  readonly files: readonly string[];
  readonly format: FormatName;
  readonly pooling: Pooling;
  readonly precision: Precision;
  readonly modelDim: number;
  /** Texts of which the model read only the beginning; absent where none can be. */
  readonly truncated?: number;
  readonly seconds: number;
  readonly interrupted: boolean;
}

type Counts = Readonly<Partial<Record<`${InputWords["record"]}s` | ReadUnit | `${ReadUnit}PerSecond`, number>>>;

export interface Embedded {
  readonly result: EmbedResult;
  readonly words: InputWords;
  readonly records: number;
  /** Residues, tokens, …: what `words.unit` says. */
  readonly units: number;
  /** Units a second, of this call, without those of an earlier one. */
  readonly unitsPerSecond: number;
  /** Whether an interrupted one can be gone on with. */
  readonly isResumable: boolean;
}

/**
 * Embeds into a file, which can be gone on with after an interruption.
 *
 * @param context an aborted signal ends the work behind the present batch, and before anything is written with its own
 *   reason
 * @throws UsageError for options and input that do not fit the model; DataError for input that cannot be read;
 *   StorageError for the file
 */
export async function embedIntoFile(
  folder: string,
  options: EmbedOptions & { readonly out: string },
  { signal, onEvent }: TaskContext = {},
): Promise<Embedded> {
  const { out, resume = false, overwrite = false, precision } = options;
  const format = await asUsage(() => targetOf(options));
  const { job, input, total, model } = await prepare(folder, options, untilAborted(signal, onEvent), signal);
  const { modelDim, pooling } = job.plan;
  const { words } = input;
  const request = await requestOf(model, { ...options, pooling, normalize: job.normalize === true });
  const started = performance.now();
  const reading = (start: number) => reportReading(onEvent, { label: "embed", total, start, unit: words.unit });
  let progress = reading(0);
  signal?.throwIfAborted();
  onEvent?.({ type: "phase", name: "write" });
  try {
    const { records, residues, newResidues, files } = await embedToFile({
      ...job,
      path: out,
      format,
      request,
      resume,
      overwrite,
      ...(signal && { signal }),
      onBegin: (before) => {
        if (before.records === 0) return;
        progress.log(`${out}.partial holds ${formatCount(before.records)} ${words.record}s; going on behind them`);
        progress = reading(before.residues);
      },
      onProgress: (done) => progress.update(done),
    });
    const seconds = (performance.now() - started) / 1000;
    progress.stop();
    tell(onEvent, input.notice());
    const truncated = input.truncated();
    const unitsPerSecond = newResidues / seconds;
    const result = {
      files,
      format,
      pooling,
      precision,
      modelDim,
      [`${words.record}s`]: records,
      ...(truncated !== undefined && { truncated }),
      [words.unit]: residues,
      seconds,
      [`${words.unit}PerSecond`]: unitsPerSecond,
      interrupted: files.length === 0,
    };
    return { result, words, records, units: residues, unitsPerSecond, isResumable: total !== undefined };
  } finally {
    progress.stop();
  }
}

/**
 * Embeds, and hands the vectors out as JSON: one object a line, or one document.
 *
 * @param context an aborted signal ends the work with the signal's reason
 * @throws as `embedIntoFile`
 */
export async function embedAsJson(
  folder: string,
  options: EmbedOptions & { readonly isDocument: boolean; readonly write: WriteText },
  { signal, onEvent }: TaskContext = {},
): Promise<void> {
  const { isDocument, write } = options;
  refuseFileOptions(options);
  const told = untilAborted(signal, onEvent);
  const { job, input, total } = await prepare(folder, options, told, signal);
  const progress = reportReading(told, { label: "embed", total, unit: input.words.unit });
  try {
    await embedToText({ ...job, isDocument, onProgress: progress.update }, write);
  } finally {
    progress.stop();
  }
  tell(onEvent, input.notice());
}

interface Prepared {
  readonly job: EmbeddingJob;
  readonly input: EmbedInput;
  /** Undefined for a pipe. */
  readonly total: number | undefined;
  /** The model's fingerprint. */
  readonly model: string;
}

/** Opens the model, and reads the input once. */
async function prepare(
  folder: string,
  options: EmbedOptions,
  onEvent: OnEvent,
  signal: AbortSignal | undefined,
): Promise<Prepared> {
  const { precision, dtype } = options;
  const subject = await openEmbeddingModel(folder, options, onEvent);
  const { config, tensors, vocabulary, backend, wrap } = subject;
  const { pooling = subject.pooling, normalize = subject.normalize } = options;
  await asUsage(() => checkPooling(config, pooling));
  const input = openInput(subject, options, (line) => tell(onEvent, line));
  const model = fingerprint(config, tensors);
  const plan: EmbeddingPlan = {
    modelDim: config.modelDim,
    pooling,
    precision,
    about: { model, pooling, normalize: String(normalize), precision },
  };
  const job: EmbeddingJob = {
    config,
    tensors,
    vocabulary,
    backend,
    dtype,
    normalize,
    plan,
    memoryLimitBytes: memoryLimitOn(backend.device).bytes,
    sequences: input.sequences,
    ...(wrap && { wrap }),
  };
  return { job, input, total: await input.survey(signal), model };
}

function tell(onEvent: OnEvent | undefined, line: string | undefined): void {
  if (line !== undefined) notice(onEvent, line);
}

/** The format of the file. */
async function targetOf({
  out,
  format,
  resume,
  ...options
}: EmbedOptions & { readonly out: string }): Promise<FormatName> {
  if (resume === true && (await readsPipe(options))) {
    throw new UsageError(problem`--resume must come with input that can be read again, got a pipe; give a file`);
  }
  return format ?? formatOf(out);
}

function refuseFileOptions({ format, resume, overwrite }: EmbedOptions): void {
  const [alone] = Object.entries({ format, resume, overwrite }).find(([, value]) => value !== undefined) ?? [];
  if (alone === undefined) return;
  throw new UsageError(
    problem`--${alone} must come with --out, for it is about a file; add --out FILE or leave it out`,
  );
}

/** What the bytes of the file depend on, this program's version included: another engine may round in another way. */
async function requestOf(
  model: string,
  {
    sequence = [],
    fasta,
    text,
    file,
    image,
    images,
    pooling,
    normalize,
    precision,
    dtype,
    device,
    threads,
    format,
    out,
  }: EmbedOptions & { readonly pooling: Pooling; readonly normalize: boolean },
): Promise<OutputRequest> {
  return {
    model,
    input: {
      sequence,
      ...(fasta !== undefined && { fasta: await describeFile(fasta) }),
      ...(text && { text }),
      ...(file !== undefined && { file: await describeFile(file) }),
      ...(image && { image: await Promise.all(image.map(describeFile)) }),
      ...(images !== undefined && { images: await describeFolder(images) }),
    },
    pooling,
    normalize,
    precision,
    dtype,
    format: format ?? formatOf(out ?? ""),
    device: device ?? defaultDevice(),
    threads: threads ?? availableParallelism(),
    version: await packageVersion(),
  };
}

async function describeFolder(folder: string) {
  const files = await listImages({ images: folder });
  return Promise.all(files.map(async ({ name }) => describeFile(join(folder, name))));
}

async function describeFile(path: string) {
  if (path === "-") return { path };
  const { size, mtimeMs } = await stat(path);
  return { path: resolve(path), size, mtimeMs };
}
