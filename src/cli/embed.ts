/** `performer embed`: what a trained or a pretrained model makes of proteins, texts or images, as vectors in a file. */

import { Option, type Command } from "commander";

import { pretrainedModelTypes } from "../convert/index.ts";
import { poolings } from "../inference/embed.ts";
import type { TaskEvent } from "../runs/events.ts";
import { embedAsJson, embedIntoFile, type Embedded, type EmbedOptions } from "../tasks/embed/embed.ts";
import { formatNames } from "../tasks/embed/format.ts";
import { precisions } from "../tasks/embed/numbers.ts";
import { formatCount, formatSeconds, plural } from "../text/numbers.ts";
import { addDtypeOption } from "./dtype.ts";
import { addImageOptions, addSequenceOptions, addTextOptions, standardInput } from "./input-options.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { writeText } from "./output/write-text.ts";
import { addEngineOptions, createVerb } from "./verb.ts";

interface EmbedVerbOptions extends EmbedOptions {
  readonly json?: boolean;
}

export function embedCommand(): Command {
  const command = createVerb({
    name: "embed",
    summary:
      "Turn proteins, texts or images into vectors: the hidden states of a model's last layer, one for each input " +
      "or token.",
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
      "the run folder that train wrote; a pretrained model's folder (config.json, model.safetensors, " +
        "tokenizer.json or preprocessor_config.json), or its name on the hub",
    )
    .addOption(
      new Option(
        "--pooling <kind>",
        "one vector per input: mean over its tokens, cls (the first token, encoders) or last (decoders); or " +
          "residues, one per " +
          "token (default: mean, or as a pretrained model's folder says)",
      ).choices(poolings),
    )
    .option(
      "--normalize",
      "divide each vector by its length, so that dot products are cosines (default: as the folder says)",
    )
    .option("--no-normalize", "do not normalize")
    .addOption(
      new Option("--precision <type>", "precision of the output; --dtype is that of the weights")
        .choices(precisions)
        .default("float32"),
    )
    .option("--out <file>", ".parquet, .npy or .jsonl (default: JSON lines on standard output)")
    .addOption(new Option("--format <name>", "format of the file (default: by its ending)").choices(formatNames))
    .option("--resume", "continue an interrupted file; the result is the same, byte by byte")
    .option("--overwrite", "replace an existing file")
    .addHelpText(
      "after",
      `
A Parquet file has the columns id and embedding, and with --pooling residues a row for each residue
with its position, from 1. A NumPy array has a row for each protein, or each residue; FILE.ids.jsonl
beside it says whose they are. Whatever the input, memory stays the same.

Pretrained models of Hugging Face's library are read with exact attention:
${pretrainedModelTypes.join(", ")}, and sentence-transformers of these. Texts are named text 1, text
2, … and line 1, line 2, …; those of ESM-2 are proteins, those of vit images, which are called as
their files; --pooling residues gives of these a vector a square.`,
    );
  return addEngineOptions(addDtypeOption(addImageOptions(addTextOptions(addSequenceOptions(command))))).action(embed);
}

async function embed(folder: string, { json, ...options }: EmbedVerbOptions): Promise<void> {
  using display = showEvents();
  const { out, ...asked } = { ...options, ...standardInput };
  if (out === undefined) {
    const write = (text: string) => writeText(process.stdout, text);
    await embedAsJson(folder, { ...asked, isDocument: json === true, write }, display);
    return;
  }
  let isWriting = false;
  using interrupt = listenForInterrupt((exitCode) => {
    if (!isWriting) process.exit(exitCode);
    display.log("interrupted: ending behind this batch; interrupt again to stop at once");
  });
  const onEvent = (event: TaskEvent) => {
    if (event.type === "phase") isWriting = event.name === "write";
    display.onEvent(event);
  };
  const embedded = await embedIntoFile(folder, { ...asked, out }, { signal: interrupt.signal, onEvent });
  const { interrupted } = embedded.result;
  if (interrupted) {
    display.log(`performer embed: interrupted; ${describePartial(out, embedded)}`);
    process.exitCode = interrupt.exitCode() ?? 1;
  }
  if (json === true) await printJson(embedded.result);
  else if (!interrupted) process.stdout.write(`${describeResult(embedded)}\n`);
}

function describePartial(path: string, { records, words, isResumable }: Embedded): string {
  const fix = isResumable
    ? "go on with the same command and --resume"
    : "a pipe cannot be read again: begin anew with --overwrite";
  return `${path}.partial holds ${formatCount(records)} ${words.record}s, ${fix}`;
}

function describeResult({ result: { files, seconds }, records, units, unitsPerSecond, words }: Embedded): string {
  return (
    `${files.join(", ")}: ${formatCount(records)} ${plural(records, words.record)}, ${formatCount(units)} ` +
    `${words.unit} in ` +
    `${formatSeconds(seconds)}, ${formatCount(unitsPerSecond)} ${words.unit}/s`
  );
}
