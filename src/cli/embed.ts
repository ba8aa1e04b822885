// `performer embed`: what a trained or a pretrained model makes of proteins, texts or images, as vectors in a file.

import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";

import { Option } from "commander";
import type { Command } from "commander";

import { pretrainedModelTypes } from "../convert/index.ts";
import { checkPooling, poolings } from "../inference/embed.ts";
import type { Pooling } from "../inference/embed.ts";
import { fingerprint } from "../inference/fingerprint.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { formatNames, formatOf } from "../tasks/embed/format.ts";
import type { EmbeddingPlan, FormatName } from "../tasks/embed/format.ts";
import { precisions } from "../tasks/embed/numbers.ts";
import type { Precision } from "../tasks/embed/numbers.ts";
import type { OutputRequest } from "../tasks/embed/partial-output.ts";
import { openInput, readsPipe } from "../tasks/input/input.ts";
import type { EmbedInput, InputOptions } from "../tasks/input/input.ts";
import { openSubject } from "../runs/open-model.ts";
import { addImageOptions, listImages } from "../tasks/input/image-input.ts";
import { addTextOptions } from "../tasks/input/text-input.ts";
import { embedToFile, embedToStream } from "../tasks/embed/write-embeddings.ts";
import type { EmbeddingJob, FileResult } from "../tasks/embed/write-embeddings.ts";
import { asUsage, UsageError } from "../runs/usage.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { printJson } from "./output/json.ts";
import { formatCount, formatSeconds, plural } from "../text/numbers.ts";
import { showResidues } from "./output/residue-progress.ts";
import { memoryLimitOn } from "../runtime/node-memory.ts";
import { packageVersion } from "../runs/run-config.ts";
import { defaultDevice } from "../runtime/node.ts";
import { addSequenceOptions } from "../tasks/input/sequence-input.ts";
import { addEngineOptions, createVerb } from "./verb.ts";
import type { EngineOptions } from "../runs/engine-options.ts";

interface EmbedVerbOptions extends EngineOptions, DtypeOptions, InputOptions {
  readonly pooling?: Pooling;
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
    summary:
      "Turn proteins, texts or images into vectors: the states of a model's last layer, one for each, or one a token.",
    examples: [
      ["embed runs/demo --fasta mine.fasta --out mine.parquet", "a vector a protein, the mean over its residues"],
      ["embed runs/demo --fasta mine.fasta --out mine.npy --precision float16", "for NumPy, in half the space"],
      ["embed runs/demo --fasta mine.fasta --out mine.parquet --resume", "go on after an interruption, bit for bit"],
      ["embed runs/demo --sequence MKVLAT --pooling residues", "a vector a residue, as JSON lines"],
      ["embed runs/demo --sequence P00974 --normalize --json", "of length 1, as one JSON document"],
      ['embed all-MiniLM-L6-v2 --text "A man is eating." --json', "a text, by a pretrained model's folder"],
      [
        "embed sentence-transformers/all-MiniLM-L6-v2 --file lines.txt --out lines.npy",
        "a vector a line; downloaded once",
      ],
      ["embed vit-base-patch16-224 --image a.png --image b.jpg --json", "images, by a pretrained model"],
      ["embed esm2_t6_8M_UR50D --fasta mine.fasta --out mine.parquet", "proteins, by a pretrained model"],
    ],
  })
    .argument(
      "<folder>",
      "the run folder that train wrote; a pretrained model's folder (config.json, model.safetensors, tokenizer.json or preprocessor_config.json), or its name on the hub",
    )
    .addOption(
      new Option(
        "--pooling <kind>",
        "one vector a protein or text: mean over its residues or tokens, cls (the first token's, encoders), last (decoders); or residues, one of " +
          "each of them (default: mean, or what a pretrained model's folder says)",
      ).choices(poolings),
    )
    .option(
      "--normalize",
      "divide each vector by its length, so that products are cosines (default: as the folder says)",
    )
    .option("--no-normalize", "leave vectors as they are")
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
array has a row for each protein, or each residue; FILE.ids.jsonl beside it says whose they are. Whatever the input, memory stays the same.

Pretrained models of Hugging Face's library are read with exact attention: ${pretrainedModelTypes.join(", ")}, and sentence-transformers of these.
Texts are named text 1, text 2, … and line 1, line 2, …; those of ESM-2 are proteins, those of vit images,
which are called as their files; --pooling residues gives of these a vector a square.`,
    );
  return addEngineOptions(addDtypeOption(addImageOptions(addTextOptions(addSequenceOptions(command))))).action(embed);
}

async function embed(folder: string, options: EmbedVerbOptions): Promise<void> {
  const { precision, dtype, out } = options;
  const target = await asUsage(() => targetOf(options));
  const subject = await openSubject(folder, options);
  const { config, tensors, vocabulary, backend, wrap } = subject;
  const { pooling = subject.pooling, normalize = subject.normalize } = options;
  await asUsage(() => checkPooling(config, pooling));
  const input = openInput(subject, options, (line) => process.stderr.write(`${line}\n`));
  const model = fingerprint(config, tensors);
  const plan: EmbeddingPlan = {
    modelDim: config.modelDim,
    pooling,
    precision,
    about: { model, pooling, normalize: String(normalize), precision },
  };
  const total = await input.survey();
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
  if (out === undefined || target === undefined) {
    const rate = showResidues("embed", total, 0, input.words.unit);
    try {
      await embedToStream({ ...job, isDocument: options.json === true, onProgress: rate.update }, process.stdout);
    } finally {
      rate.stop();
    }
  } else {
    await writeFile(
      out,
      target,
      job,
      input,
      total,
      await requestOf(model, { ...options, pooling, normalize }),
      options,
    );
  }
  const notice = input.notice();
  if (notice !== undefined) process.stderr.write(`${notice}\n`);
}

async function writeFile(
  path: string,
  format: FormatName,
  job: EmbeddingJob,
  { words, truncated }: EmbedInput,
  total: number | undefined,
  request: OutputRequest,
  { resume = false, overwrite = false, json }: EmbedVerbOptions,
): Promise<void> {
  const started = performance.now();
  let rate = showResidues("embed", total, 0, words.unit);
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
        rate.log(`${path}.partial holds ${formatCount(records)} ${words.record}s; going on behind them`);
        rate = showResidues("embed", total, residues, words.unit);
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
      `performer embed: interrupted; ${path}.partial holds ${formatCount(records)} ${words.record}s, ${fix}\n`,
    );
    process.exitCode = interrupt.exitCode() ?? 1;
  }
  const { modelDim, pooling, precision } = job.plan;
  const perSecond = newResidues / seconds;
  const interrupted = files.length === 0;
  const cut = truncated();
  const counts = {
    [`${words.record}s`]: records,
    ...(cut !== undefined && { truncated: cut }),
    [words.unit]: residues,
    seconds,
    [`${words.unit}PerSecond`]: perSecond,
  };
  if (json === true) await printJson({ files, format, pooling, precision, modelDim, ...counts, interrupted });
  else if (!interrupted) {
    process.stdout.write(
      `${files.join(", ")}: ${formatCount(records)} ${plural(records, words.record)}, ${formatCount(residues)} ${words.unit} in ` +
        `${formatSeconds(seconds)}, ${formatCount(perSecond)} ${words.unit}/s\n`,
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
    if (resume === true && (await readsPipe(options))) {
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
  }: EmbedVerbOptions & { readonly pooling: Pooling; readonly normalize: boolean },
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
