/**
 * What all verbs of the command line share: their frame, their errors, and the options that mean the same everywhere.
 */

import { availableParallelism } from "node:os";

import { Command, InvalidArgumentError, Option } from "commander";

import { setVerbosity } from "./output/verbosity.ts";
import { devices } from "../runs/engine-options.ts";
import { embeddedNames, splitRules, tasks } from "../runs/data/source.ts";

export interface VerbOptions {
  readonly name: string;
  /** One line for the list of verbs, and the first of its own help. */
  readonly summary: string;
  /** Command lines without `performer`, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, effect: string])[];
}

/** Creates a verb with `--json`, `--quiet` and `--verbose`, with examples in its help, and with errors of one line. */
export function createVerb({ name, summary, examples }: VerbOptions): Command {
  const width = Math.max(...examples.map(([commandLine]) => commandLine.length));
  const lines = examples.map(([commandLine, effect]) => `  performer ${commandLine.padEnd(width)}  ${effect}`);
  return frameErrors(new Command(name), `performer ${name}`)
    .description(summary)
    .option("--json", "print the result as one JSON document on standard output")
    .option("-q, --quiet", "print no progress and no notices, only errors")
    .addOption(new Option("--verbose", "print the engine's times, and the stack of an error").conflicts("quiet"))
    .hook("preAction", (command) => setVerbosity(command.opts()))
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** Lets errors be thrown instead of ending the process, and be told as `performer train: …`. */
export function frameErrors(command: Command, who: string): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      outputError: (text, write) => {
        // commander writes "error: unknown option '--sed'" and, on a line of its own, "(Did you mean --seed?)".
        const [message = "", guess] = text
          .replace(/^error: /, "")
          .trimEnd()
          .split("\n");
        const fix = guess === undefined ? "--help lists what there is" : guess.replace(/^\(D(.*)\)$/, "d$1");
        write(`${who}: ${message.replace(/\.$/, "")}; ${fix}\n`);
      },
    });
}

export function addEngineOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--device <device>",
        "device to compute on (default: cpu; wasm where onnxruntime-node is missing)",
      ).choices(devices),
    )
    .option("--threads <count>", "threads of the engine (default: all cores)", threadCount);
}

export function addDataOptions(command: Command): Command {
  return command
    .option(
      "--data <source>",
      `${embeddedNames.join(", ")}; or a file or folder: .fasta, .txt, .csv, .tsv, .jsonl, .parquet, PNG, JPEG, IDX`,
    )
    .option("--fasta <file>", "protein sequences in FASTA, plain or gzip, with any file name")
    .addOption(
      new Option(
        "--split-by <rule>",
        "how data are assigned to splits: proteins by the second word of the header (default), a hash of the identifier, whole " +
          "families, or similarity (near copies stay in one split); text in contiguous parts (default), or whole documents by a hash of " +
          "the name",
      ).choices(splitRules),
    )
    .option("--sequence-column <name>", "column of a table that holds the sequences (default: sequence, else text)")
    .option("--label-column <name>", "column of a table that holds the labels (default: label)");
}

export function addEncodingOptions(command: Command): Command {
  return command
    .option(
      "--tokenizer <name>",
      "how text becomes tokens: bytes, characters, protein (tables), or a tokenizer.json (default: bytes)",
    )
    .option(
      "--image-size <pixels>",
      "resize images to a square of this side (default: keep their size)",
      positiveInteger,
    )
    .addOption(new Option("--grey", "read one intensity per pixel").conflicts("colour"))
    .addOption(new Option("--colour", "read red, green and blue of each pixel (default for PNG and JPEG)"))
    .addOption(
      new Option(
        "--task <task>",
        "what the model learns (default: what the labels of a table suggest, else the next token)",
      ).choices(tasks),
    );
}

/** Parses an option's value; the message completes commander's "argument '0' is invalid." */
export function positiveInteger(text: string): number {
  return parseNumber(text, "It must be a whole number from 1 on", (value) => Number.isSafeInteger(value) && value >= 1);
}

export function wholeNumber(text: string): number {
  return parseNumber(text, "It must be a whole number from 0 on", (value) => Number.isSafeInteger(value) && value >= 0);
}

/** "0,3" as numbers. */
export function wholeNumbers(text: string): readonly number[] {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return numbers;
  throw new InvalidArgumentError("It must be whole numbers with commas between them, such as 0,3");
}

export function notNegative(text: string): number {
  return parseNumber(text, "It must be a number from 0 on", (value) => Number.isFinite(value) && value >= 0);
}

export function positiveNumber(text: string): number {
  return parseNumber(text, "It must be a number above 0", (value) => Number.isFinite(value) && value > 0);
}

export function shareOfOne(text: string): number {
  return parseNumber(text, "It must be a number above 0 and at most 1", (value) => value > 0 && value <= 1);
}

/** More threads than cores wait for each other, so the engine refuses them. */
function threadCount(text: string): number {
  const cores = availableParallelism();
  return parseNumber(
    text,
    `It must be a whole number from 1 to ${cores}, the cores of this process`,
    (value) => Number.isSafeInteger(value) && value >= 1 && value <= cores,
  );
}

/** For options that may be given again and again. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function parseNumber(text: string, rule: string, isValid: (value: number) => boolean): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!isValid(value)) throw new InvalidArgumentError(rule);
  return value;
}
