// `performer convert`: another attention in the place of a trained model's, measured against it, as a folder of its own.

import { Option } from "commander";
import type { Command } from "commander";

import { parseMechanism } from "../attention/choice-text.ts";
import { projectionNames } from "../attention/favor/projections.ts";
import {
  calibrateAttention,
  convertedFiles,
  convertModel,
  convertPretrained,
  positionRules,
  reportConversion,
} from "../convert/index.ts";
import type {
  ConversionReport,
  ConvertedModel,
  ConvertibleModel,
  ConvertOptions,
  PositionRule,
} from "../convert/index.ts";
import { describeMechanism } from "../model/stacks.ts";
import { requireNewFolder, writeNewFolder } from "../storage/new-folder.ts";
import { toExactJson } from "../storage/json.ts";
import { encodeSafetensors } from "../storage/safetensors.ts";
import { formatReport, formatVectors } from "../tasks/convert/report-text.ts";
import { readByModel, readCalibration, readSample, SAMPLE_SIZE } from "../tasks/convert/sample.ts";
import type { Sample } from "../tasks/convert/sample.ts";
import { compareVectors } from "../tasks/convert/vectors.ts";
import type { InputOptions } from "../tasks/input/input.ts";
import { openModel, subjectOf } from "../runs/open-model.ts";
import type { EmbedSubject, OpenedModel } from "../runs/open-model.ts";
import { addImageOptions, addSequenceOptions, addTextOptions } from "./input-options.ts";
import { asUsage, UsageError } from "../runs/usage.ts";
import { printJson } from "./output/json.ts";
import { formatCount, plural } from "../text/numbers.ts";
import { createProgress } from "./output/progress.ts";
import { addEngineOptions, createVerb, positiveInteger, wholeNumber, wholeNumbers } from "./verb.ts";
import type { EngineOptions } from "../runs/engine-options.ts";

interface ConvertVerbOptions extends EngineOptions, InputOptions {
  readonly mechanism: string;
  readonly features?: number;
  readonly projection?: (typeof projectionNames)[number];
  readonly layers?: readonly number[];
  readonly maxLength?: number;
  readonly positions?: PositionRule;
  readonly seed: number;
  /** True for texts or proteins of the package. */
  readonly calibrate?: true | string;
  readonly diagnosis: boolean;
  readonly out: string;
  readonly json?: boolean;
}

/** Projections of an error at least: half of what `lab diagnose` draws, for a mean over all heads needs fewer. */
const REDRAWS = 4;
/** More features than this cost more than exact attention at any length that the models read. */
const MOST_FEATURES = 4096;

const NOTES = `
Every weight stays as it is, and nothing is trained: what is lost is told, layer by layer and as the cosine of the vectors before and
after, on the texts or proteins that are given, or on ${SAMPLE_SIZE} that come with the package. OUT of a pretrained model is a folder in the layout
of Hugging Face's library, with its tokenizer and its pooling, for embed and convert; that of a run is one for every command that reads runs.`;

export function convertCommand(): Command {
  const command = createVerb({
    name: "convert",
    summary:
      "Put another attention, linear in the length, in the place of a trained model's, and measure what that changes.",
    examples: [
      [
        "convert all-MiniLM-L6-v2 --features 512 --out minilm-favor",
        "FAVOR+ in every layer of a folder or a model of the hub",
      ],
      ["convert all-MiniLM-L6-v2 --mechanism favor-saderf --layers 0,1 --out minilm-2", "another map, in two layers"],
      [
        `convert all-MiniLM-L6-v2 --mechanism '{"heads":[{"name":"local","window":32,"numHeads":6},{"name":"favor","numHeads":6}]}' --out mixed`,
        "half of the heads within a window",
      ],
      ["convert all-MiniLM-L6-v2 --max-length 4096 --positions interpolate --out long", "for texts of 4,096 tokens"],
      ["convert esm2_t6_8M_UR50D --fasta mine.fasta --out esm-favor --json", "measured on proteins of one's own"],
      ["convert runs/exact --features 256 --out runs/favor", "a run with exact attention"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "a pretrained model's folder, or its name on the hub; or a run folder that train wrote")
    .requiredOption("--out <folder>", "where the converted model goes: a new or an empty folder")
    .option(
      "--mechanism <name>",
      "what takes the place of attention; options in brackets, local(window=64), or as JSON, which can give heads mechanisms of their own",
      "favor",
    )
    .option("--features <count>", "random features a head (default: the model's)", positiveInteger)
    .addOption(
      new Option("--projection <kind>", "how they are drawn (default: what the map is meant for)").choices(
        projectionNames,
      ),
    )
    .option("--layers <numbers>", "which layers change, from 0, with commas (default: all)", wholeNumbers)
    .option("--max-length <tokens>", "read longer texts, up to so many tokens", positiveInteger)
    .addOption(
      new Option(
        "--positions <rule>",
        "where more learned positions come from: the table once more behind its end, or rows between its rows (default: repeat)",
      ).choices(positionRules),
    )
    .option("--seed <number>", "decides projections", wholeNumber, 0)
    .option(
      "--calibrate [file]",
      "first write queries and keys in a basis that features estimate well, on lines or FASTA of a file, or a folder of images (default: of the package)",
    )
    .option("--no-diagnosis", "compare vectors alone: the errors of the layers take minutes");
  return addEngineOptions(addImageOptions(addTextOptions(addSequenceOptions(command)))).action(convert);
}

async function convert(folder: string, options: ConvertVerbOptions): Promise<void> {
  const { out, seed, json } = options;
  const settings = await asUsage(() => settingsOf(options));
  await requireNewFolder(out);
  const opened = await openModel(folder, options);
  const start = options.calibrate === undefined ? opened : await calibrated(opened, options);
  const { after, files, layers } = await asUsage(() => converted(start, settings));
  const [before, subject] = [subjectOf(opened), subjectOf(after)];
  const sample = await readSample(before, options);
  const measured = sample && (await measure(before, subjectOf(start), subject, layers, sample, options));
  await writeNewFolder(out, await files());
  const { config } = subject;
  const about = { mechanism: describeMechanism(config), layers, numFeatures: config.numFeatures, seed };
  if (json === true) {
    const { maxSeqLen, projection } = config;
    const { report = null, vectors = null } = measured ?? {};
    await printJson({ out, from: opened.name, ...about, projection: projection ?? null, maxSeqLen, report, vectors });
    return;
  }
  const lines = [
    `${out}: ${opened.name} with ${about.mechanism} in ${layers.length} of ${config.numLayers} ${plural(config.numLayers, "layer")}, ` +
      `${formatCount(config.numFeatures)} features, seed ${seed}`,
    ...(sample && measured?.report ? ["", formatReport(measured.report, sample.record), ""] : []),
    sample && measured ? formatVectors(measured.vectors, sample) : "Not measured: give texts or proteins of its kind.",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function settingsOf(options: ConvertVerbOptions): ConvertOptions {
  const { mechanism, features, projection, layers, maxLength, positions, seed } = options;
  if (positions !== undefined && maxLength === undefined) {
    throw new UsageError("--positions must come with --max-length, for it makes more of them; add --max-length TOKENS");
  }
  return {
    mechanism: parseMechanism("--mechanism", mechanism),
    seed,
    ...(features !== undefined && { numFeatures: features }),
    ...(projection !== undefined && { projection }),
    ...(layers !== undefined && { layers }),
    ...(maxLength !== undefined && { maxSeqLen: maxLength }),
    ...(positions !== undefined && { positions }),
  };
}

interface Conversion extends Pick<ConvertedModel, "layers"> {
  readonly after: OpenedModel;
  /** What is written of it. */
  readonly files: () => Promise<Readonly<Record<string, Uint8Array | string>>>;
}

/** The same model by other weights. */
async function calibrated(opened: OpenedModel, { calibrate, layers }: ConvertVerbOptions): Promise<OpenedModel> {
  const subject = subjectOf(opened);
  const tokenIds = await readCalibration(subject, calibrate === true ? undefined : calibrate);
  const { config, tensors, backend } = subject;
  const changed = await asUsage(() =>
    calibrateAttention({ config, tensors, tokenIds, backend, ...(layers && { layers }) }),
  );
  return opened.kind === "run"
    ? { ...opened, run: { ...opened.run, tensors: changed } }
    : { ...opened, model: { ...opened.model, tensors: changed } };
}

/** @throws ConfigError as `convertModel` */
function converted(opened: OpenedModel, settings: ConvertOptions): Conversion {
  if (opened.kind === "pretrained") {
    const model = convertPretrained(opened.model, settings);
    return { after: { ...opened, model }, layers: model.layers, files: () => convertedFiles(model, opened.source) };
  }
  const { run } = opened;
  const found = convertModel({ config: run.config.model, tensors: run.tensors }, settings);
  const config = { ...run.config, model: found.config };
  return {
    after: { ...opened, run: { ...run, config, tensors: found.tensors } },
    layers: found.layers,
    files: async () => ({
      "config.json": toExactJson(config, "the configuration"),
      "model.safetensors": encodeSafetensors(found.tensors, { format: "pt" }),
    }),
  };
}

async function measure(
  before: EmbedSubject,
  /** As it is before its attention changes. */
  model: ConvertibleModel,
  after: EmbedSubject,
  layers: readonly number[],
  { sequences }: Sample,
  { diagnosis, seed }: ConvertVerbOptions,
) {
  const vectors = await compareVectors(before, after, sequences);
  if (!diagnosis) return { vectors };
  const progress = createProgress({ label: "diagnose", unit: "layers", total: layers.length });
  let report: ConversionReport | undefined;
  try {
    report = await reportConversion({
      model,
      converted: { config: after.config, layers },
      tokenIds: sequences.map((sequence) => readByModel(before, sequence.tokenIds)),
      backend: before.backend,
      seed,
      redraws: REDRAWS,
      maxFeatures: Math.max(MOST_FEATURES, after.config.numFeatures),
      onLayer: (done) => progress.update(done),
    });
  } finally {
    progress.stop();
  }
  return { vectors, ...(report && { report }) };
}
