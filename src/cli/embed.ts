// `performer embed`: what a trained model makes of proteins, as vectors in a file.

import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";

import { Option } from "commander";
import type { Command } from "commander";

import { vocabularyFrom } from "../data/index.ts";
import { checkPooling, poolings } from "../inference/embed.ts";
import type { Pooling } from "../inference/embed.ts";
import { fingerprint } from "../inference/fingerprint.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { formatNames, formatOf } from "./embed/format.ts";
import type { EmbeddingPlan, FormatName } from "./embed/format.ts";
import { precisions } from "./embed/numbers.ts";
import type { Precision } from "./embed/numbers.ts";
import type { OutputRequest } from "./embed/partial-output.ts";
import { embedToFile, embedToStream } from "./embed/write-embeddings.ts";
import type { EmbeddingJob, FileResult } from "./embed/write-embeddings.ts";
import { asUsage, UsageError } from "./failures.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { printJson } from "./output/json.ts";
import { formatCount, formatSeconds, plural } from "./output/numbers.ts";
import { showResidues } from "./output/residue-progress.ts";
import { packageVersion } from "./run-config.ts";
import { openRunModel } from "./run-model.ts";
import { DEFAULT_DEVICE } from "../runtime/node.ts";
import { addSequenceOptions, isPipe, readSequences, surveySequences } from "./sequence-input.ts";
import type { SequenceOptions } from "./sequence-input.ts";
import { addEngineOptions, createVerb } from "./verb.ts";
import type { EngineOptions } from "./verb.ts";

interface EmbedVerbOptions extends EngineOptions, DtypeOptions, SequenceOptions {
  readonly pooling: Pooling;
  readonly precision: Precision;
  readonly normalize?: boolean;
  readonly out?: string;
  readonly format?: FormatName;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function embedCommand(): Command {
  const command = createVerb({
    name: "embed",
    summary: "Turn proteins into vectors: the states of a trained model's last layer, one a protein or one a residue.",
    examples: [
      ["embed runs/demo --fasta mine.fasta --out mine.parquet", "a vector a protein, the mean over its residues"],
      ["embed runs/demo --fasta mine.fasta --out mine.npy --precision float16", "for NumPy, in half the space"],
      ["embed runs/demo --fasta mine.fasta --out mine.parquet --resume", "go on after an interruption, bit for bit"],
      ["embed runs/demo --sequence MKVLAT --pooling residues", "a vector a residue, as JSON lines"],
      ["embed runs/demo --sequence P00974 --normalize --json", "of length 1, as one JSON document"],
    ],
  })
    .argument("<folder>", "the run folder that train wrote")
    .addOption(
      new Option(
        "--pooling <kind>",
        "one vector a protein: mean over residues, cls (the first token's, encoders), last (decoders); or one of all residues",
      )
        .choices(poolings)
        .default("mean"),
    )
    .option("--normalize", "divide each vector by its length, so that products are cosines")
    .addOption(
      new Option("--precision <type>", "numbers of the output; --dtype is that of the model's weights")
        .choices(precisions)
        .default("float32"),
    )
    .option("--out <file>", ".parquet, .npy or .jsonl (default: JSON lines on standard output)")
    .addOption(new Option("--format <name>", "of the file, whatever it is called").choices(formatNames))
    .option("--resume", "go on with a file whose writing was interrupted; the result is the same, byte by byte")
    .option("--overwrite", "take the place of a file that is there")
    .addHelpText(
      "after",
      `
A Parquet file has the columns id and embedding, and with --pooling residues a row for each residue with its position, from 1. A NumPy
array has a row for each protein, or each residue; FILE.ids.jsonl beside it says whose they are. Whatever the input, memory stays the same.`,
    );
  return addEngineOptions(addDtypeOption(addSequenceOptions(command))).action(embed);
}

async function embed(folder: string, options: EmbedVerbOptions): Promise<void> {
  const { pooling, normalize = false, precision, dtype, out } = options;
  const target = await asUsage(() => targetOf(options));
  const { config, tensors, backend } = await openRunModel(folder, options);
  await asUsage(() => checkPooling(config.model, pooling));
  const vocabulary = vocabularyFrom(config.vocabulary);
  const model = fingerprint(config.model, tensors);
  const { modelDim } = config.model;
  const plan: EmbeddingPlan = {
    modelDim,
    pooling,
    precision,
    about: { model, pooling, normalize: String(normalize), precision },
  };
  const survey = await surveySequences(options, vocabulary);
  const total = survey?.residues;
  const job: EmbeddingJob = {
    config: config.model,
    tensors,
    vocabulary,
    backend,
    dtype,
    normalize,
    plan,
    // Told of on the first reading.
    sequences: () => readSequences(options, vocabulary, survey === undefined ? undefined : () => undefined),
  };
  if (out === undefined || target === undefined) {
    const rate = showResidues("embed", total);
    try {
      await embedToStream({ ...job, isDocument: options.json === true, onProgress: rate.update }, process.stdout);
    } finally {
      rate.stop();
    }
    return;
  }
  await writeFile(out, target, job, total, await requestOf(model, options), options);
}

async function writeFile(
  path: string,
  format: FormatName,
  job: EmbeddingJob,
  total: number | undefined,
  request: OutputRequest,
  { resume = false, overwrite = false, json }: EmbedVerbOptions,
): Promise<void> {
  const started = performance.now();
  let rate = showResidues("embed", total);
  using interrupt = listenForInterrupt(() =>
    rate.log("interrupted: ending behind this batch; interrupt again to stop at once"),
  );
  let result: FileResult;
  try {
    result = await embedToFile({
      ...job,
      path,
      format,
      request,
      resume,
      overwrite,
      signal: interrupt.signal,
      onBegin: ({ records, residues }) => {
        if (records === 0) return;
        rate.log(`${path}.partial holds ${formatCount(records)} sequences; going on behind them`);
        rate = showResidues("embed", total, residues);
      },
      onProgress: (residues) => rate.update(residues),
    });
  } finally {
    rate.stop();
  }
  const { records, residues, newResidues, files } = result;
  const seconds = (performance.now() - started) / 1000;
  if (files.length === 0) {
    const fix =
      total === undefined
        ? "a pipe cannot be read again: begin anew with --overwrite"
        : "go on with the same command and --resume";
    process.stderr.write(
      `performer embed: interrupted; ${path}.partial holds ${formatCount(records)} sequences, ${fix}\n`,
    );
    process.exitCode = interrupt.exitCode() ?? 1;
  }
  const { modelDim, pooling, precision } = job.plan;
  const residuesPerSecond = newResidues / seconds;
  const interrupted = files.length === 0;
  const about = { pooling, precision, modelDim, sequences: records, residues, seconds, residuesPerSecond };
  if (json === true) await printJson({ files, format, ...about, interrupted });
  else if (!interrupted) {
    process.stdout.write(
      `${files.join(", ")}: ${formatCount(records)} ${plural(records, "sequence")}, ${formatCount(residues)} residues in ` +
        `${formatSeconds(seconds)}, ${formatCount(residuesPerSecond)} residues/s\n`,
    );
  }
}

/** The format of the file; undefined where there is none to be written. */
async function targetOf({
  out,
  format,
  resume,
  overwrite,
  ...options
}: EmbedVerbOptions): Promise<FormatName | undefined> {
  if (out !== undefined) {
    if (resume === true && (await isPipe(options))) {
      throw new UsageError("--resume must come with input that can be read again, got a pipe; give a file");
    }
    return format ?? formatOf(out);
  }
  const alone = Object.entries({ format, resume, overwrite }).find(([, value]) => value !== undefined);
  if (alone !== undefined) {
    throw new UsageError(`--${alone[0]} must come with --out, for it is about a file; add --out FILE or leave it out`);
  }
  return undefined;
}

/** What the bytes of the file depend on, this program's version included: another engine may round in another way. */
async function requestOf(
  model: string,
  {
    sequence = [],
    fasta,
    pooling,
    normalize = false,
    precision,
    dtype,
    device,
    threads,
    format,
    out,
  }: EmbedVerbOptions,
): Promise<OutputRequest> {
  return {
    model,
    input: { sequence, ...(fasta !== undefined && { fasta: await describeFile(fasta) }) },
    pooling,
    normalize,
    precision,
    dtype,
    format: format ?? formatOf(out ?? ""),
    device: device ?? DEFAULT_DEVICE,
    threads: threads ?? availableParallelism(),
    version: await packageVersion(),
  };
}

async function describeFile(path: string) {
  if (path === "-") return { path };
  const { size, mtimeMs } = await stat(path);
  return { path: resolve(path), size, mtimeMs };
}
