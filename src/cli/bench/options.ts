// Options that several benchmarks have in common: what is measured, sizes, lists of numbers, threads.

import { availableParallelism } from "node:os";

import { Option } from "commander";
import type { Command } from "commander";

import { UsageError } from "../../runs/usage.ts";
import { positiveInteger } from "../verb.ts";
import { directions } from "../../bench/contender.ts";
import type { Direction } from "../../bench/contender.ts";
import { passes } from "../../bench/products.ts";
import type { Pass } from "../../bench/products.ts";

/** Which passes and directions to measure. */
export interface CaseOptions {
  readonly pass: Pass | "both";
  readonly direction: Direction | "both";
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

export function chosenCases({ pass, direction }: CaseOptions) {
  return {
    passes: pass === "both" ? passes : [pass],
    directions: direction === "both" ? directions : [direction],
  };
}

/** Of one attention. */
export interface SizeOptions {
  readonly heads: number;
  readonly headDim: number;
  readonly features: number;
}

export function addSizeOptions(command: Command): Command {
  return command
    .option("--heads <count>", "attention heads", positiveInteger, 8)
    .option("--head-dim <size>", "width of a head", positiveInteger, 64)
    .option("--features <count>", "random features a head", positiveInteger, 256);
}

export function chosenSizes({ heads, headDim, features }: SizeOptions) {
  return { numHeads: heads, headDim, numFeatures: features };
}

/** Each thing once, in the order given. */
export function listed(text: string): readonly string[] {
  return [...new Set(text.split(",").map((item) => item.trim()))];
}

/** @throws UsageError unless there are whole numbers from 1 on, with commas between them */
export function parseLengths(text: string, option = "--lengths", example = "4096,16384"): readonly number[] {
  return listed(text).map((item) => {
    const length = /^\d+$/.test(item) ? Number(item) : Number.NaN;
    if (Number.isSafeInteger(length) && length >= 1) return length;
    throw new UsageError(
      `${option} must be whole numbers from 1 on, with commas between them, got '${text}'; write for example ${option} ${example}`,
    );
  });
}

/** Threads of the engine; all cores when none is given. */
export function parseThreads(threads: number | undefined): number {
  const cores = availableParallelism();
  if (threads === undefined || threads <= cores) return threads ?? cores;
  throw new UsageError(
    `--threads must be at most ${cores}, the cores of this process, got ${threads}; omit it to use all`,
  );
}
