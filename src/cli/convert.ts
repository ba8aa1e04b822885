/**
 * `performer convert`: another attention in the place of a trained model's, measured against it, as a folder of its
 * own.
 */

import { Option, type Command } from "commander";

import { projectionNames } from "../attention/favor/projections.ts";
import { positionRules } from "../convert/index.ts";
import { convertToLinear, type Converted, type ConvertTaskOptions } from "../tasks/convert/convert.ts";
import { formatReport, formatVectors } from "../tasks/convert/report-text.ts";
import { SAMPLE_SIZE } from "../tasks/convert/sample.ts";
import { formatCount, plural } from "../text/numbers.ts";
import { addImageOptions, addSequenceOptions, addTextOptions, standardInput } from "./input-options.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { addEngineOptions, createVerb, positiveInteger, wholeNumber, wholeNumbers } from "./verb.ts";

interface ConvertVerbOptions extends ConvertTaskOptions {
  readonly json?: boolean;
}

const NOTES = `
Every weight stays as it is, and nothing is trained: what is lost is told, layer by layer and as the
cosine of the vectors before and after, on the texts or proteins that are given, or on
${SAMPLE_SIZE} that come with the package. OUT of a pretrained model is a folder in the layout of
Hugging Face's library, with its tokenizer and its pooling, for embed and convert; that of a run is
one for every command that reads runs.`;

export function convertCommand(): Command {
  const command = createVerb({
    name: "convert",
    summary: "Replace a trained model's attention by one that is linear in the length, and measure what that changes.",
    examples: [
      [
        "convert all-MiniLM-L6-v2 --features 512 --out minilm-favor",
        "FAVOR+ in every layer of a folder or a model of the hub",
      ],
      ["convert all-MiniLM-L6-v2 --mechanism favor-saderf --layers 0,1 --out minilm-2", "another map, in two layers"],
      [
        "convert all-MiniLM-L6-v2 --mechanism " +
          `'{"heads":[{"name":"local","window":32,"numHeads":6},{"name":"favor","numHeads":6}]}' --out mixed`,
        "half of the heads within a window",
      ],
      ["convert all-MiniLM-L6-v2 --max-length 4096 --positions interpolate --out long", "for texts of 4,096 tokens"],
      ["convert esm2_t6_8M_UR50D --fasta mine.fasta --out esm-favor --json", "measured on proteins of one's own"],
      ["convert runs/exact --features 256 --out runs/favor", "a run with exact attention"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "a pretrained model's folder, or its name on the hub; or a run folder that train wrote")
    .requiredOption("--out <folder>", "new or empty folder for the converted model")
    .option(
      "--mechanism <name>",
      "the new attention, with options in brackets, local(window=64), or as JSON, which can give heads mechanisms " +
        "of their own",
      "favor",
    )
    .option("--features <count>", "random features a head (default: the model's)", positiveInteger)
    .addOption(
      new Option("--projection <kind>", "how features are drawn (default: what the map is meant for)").choices(
        projectionNames,
      ),
    )
    .option("--layers <numbers>", "which layers change, from 0, with commas (default: all)", wholeNumbers)
    .option("--max-length <tokens>", "longest text in tokens, if longer than the model's", positiveInteger)
    .addOption(
      new Option(
        "--positions <rule>",
        "how more learned positions are made: by repeating the table, or by interpolating it (default: repeat)",
      ).choices(positionRules),
    )
    .option("--seed <number>", "random seed of the projections", wholeNumber, 0)
    .option(
      "--calibrate [file]",
      "first change the basis of queries and keys to one that features estimate well, by texts, FASTA or images " +
        "of yours (default: the package's)",
    )
    .option("--no-diagnosis", "compare vectors only: measuring the layers takes minutes");
  return addEngineOptions(addImageOptions(addTextOptions(addSequenceOptions(command)))).action(convert);
}

async function convert(folder: string, { json, ...options }: ConvertVerbOptions): Promise<void> {
  using display = showEvents();
  const converted = await convertToLinear(folder, { ...options, ...standardInput }, display);
  if (json === true) await printJson(converted.result);
  else process.stdout.write(`${describe(converted)}\n`);
}

function describe({ result, numLayers, sample }: Converted): string {
  const { out, from, mechanism, layers, numFeatures, seed, report, vectors } = result;
  return [
    `${out}: ${from} with ${mechanism} in ${layers.length} of ${numLayers} ${plural(numLayers, "layer")}, ` +
      `${formatCount(numFeatures)} features, seed ${seed}`,
    ...(sample && report ? ["", formatReport(report, sample.record), ""] : []),
    sample && vectors ? formatVectors(vectors, sample) : "Not measured: give texts or proteins of its kind.",
  ].join("\n");
}
