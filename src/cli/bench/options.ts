/**
 * What the commands of the benchmarks have in common: their frame, options that several take, and how a result is
 * shown.
 */

import { Option, type Command } from "commander";

import { directions } from "../../bench/contender.ts";
import type { CurvePoint } from "../../bench/curves.ts";
import type { CaseOptions } from "../../bench/options.ts";
import { passes } from "../../bench/products.ts";
import { writeFigure } from "../../bench/write-figure.ts";
import type { TaskContext } from "../../runs/events.ts";
import { asUsage } from "../../runs/usage.ts";
import { printJson } from "../output/json.ts";
import { showEvents } from "../output/show-events.ts";
import { createVerb, positiveInteger, type VerbOptions } from "../verb.ts";

/** @param notes stand behind the examples in its help */
export function createBench({ name, notes, ...verb }: VerbOptions & { readonly notes: string }): Command {
  return createVerb({ name: `bench ${name}`, ...verb })
    .name(name)
    .addHelpText("after", notes);
}

export function addCaseOptions(command: Command, defaults: CaseOptions): Command {
  return command
    .addOption(new Option("--pass <pass>", "what to measure").choices([...passes, "both"]).default(defaults.pass))
    .addOption(
      new Option("--direction <direction>", "what a token sees")
        .choices([...directions, "both"])
        .default(defaults.direction),
    );
}

/** Adds the sizes of one attention layer. */
export function addSizeOptions(command: Command): Command {
  return command
    .option("--heads <count>", "attention heads", positiveInteger, 8)
    .option("--head-dim <size>", "width of a head", positiveInteger, 64)
    .option("--features <count>", "random features a head", positiveInteger, 256);
}

/** Adds the sizes of the model that training and decoding are measured with. */
export function addModelOptions(command: Command): Command {
  return addThreadsOption(
    command
      .option("--layers <count>", "blocks of the model", positiveInteger, 4)
      .option("--model-dim <size>", "width of the model", positiveInteger, 256)
      .option("--heads <count>", "attention heads", positiveInteger, 4)
      .option("--features <count>", "random features a head", positiveInteger, 128),
  );
}

export function addThreadsOption(command: Command): Command {
  return command.option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger);
}

/** How every result can be shown. */
export interface ShownOptions {
  readonly json?: boolean;
  readonly svg?: string;
}

interface Shown<Result> {
  readonly format: (result: Result) => string;
  /** For `--svg`. */
  readonly figure?: { readonly label: string; readonly curves: (result: Result) => readonly CurvePoint[] };
}

/** Measures with progress on standard error, and shows the result. */
export async function showBench<Result>(
  { json, svg }: ShownOptions,
  measure: (context: TaskContext) => Promise<Result>,
  { format, figure }: Shown<Result>,
): Promise<void> {
  using display = showEvents();
  const result = await asUsage(() => measure(display));
  if (svg !== undefined && figure !== undefined) await writeFigure(svg, figure.label, figure.curves(result));
  if (json === true) await printJson(result);
  else process.stdout.write(`${format(result)}\n`);
}
