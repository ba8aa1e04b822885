/** Options of benchmarks as they are written, read into what is measured: lists, sizes, threads. */

import { problem } from "../graph/errors.ts";
import { availableParallelism } from "node:os";

import { nearestName } from "../graph/nearest-name.ts";
import type { ModelOptions } from "../model/index.ts";
import { UsageError } from "../runs/usage.ts";
import { directions, type Direction } from "./contender.ts";
import { passes, type Pass } from "./products.ts";

/** Which passes and directions to measure. */
export interface CaseOptions {
  readonly pass: Pass | "both";
  readonly direction: Direction | "both";
}

export function chosenCases({ pass, direction }: CaseOptions) {
  return {
    passes: pass === "both" ? passes : [pass],
    directions: direction === "both" ? directions : [direction],
  };
}

/** The sizes of one attention layer. */
export interface SizeOptions {
  readonly heads: number;
  readonly headDim: number;
  readonly features: number;
}

export function chosenSizes({ heads, headDim, features }: SizeOptions) {
  return { numHeads: heads, headDim, numFeatures: features };
}

/** The sizes of the model that training and decoding are measured with. */
export interface BenchModelOptions {
  readonly layers: number;
  readonly modelDim: number;
  readonly heads: number;
  readonly features: number;
  readonly threads?: number;
}

export function chosenModel({ layers, modelDim, heads, features }: BenchModelOptions) {
  return {
    numLayers: layers,
    modelDim,
    numHeads: heads,
    numFeatures: features,
    dropout: 0,
  } satisfies Partial<ModelOptions>;
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
      problem`${option} must be whole numbers from 1 on, with commas between them, got '${text}'; write for example
      ${option} ${example}`,
    );
  });
}

/** @throws UsageError unless the numbers ascend, from 0 on, with commas between them */
export function parsePositions(text: string): readonly number[] {
  const positions = text.split(",").map((item) => (/^\d+$/.test(item.trim()) ? Number(item) : Number.NaN));
  const ascending = positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0));
  if (positions.every((position) => Number.isSafeInteger(position)) && ascending) return positions;
  throw new UsageError(
    problem`--positions must be ascending whole numbers with commas between them, got '${text}'; write for example
    --positions 1000,100000`,
  );
}

/** @throws UsageError unless the name is among those that there are */
export function parseName<Name extends string>(option: string, given: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === given);
  if (found !== undefined) return found;
  const near = nearestName(given, names);
  const fix = near === undefined ? "leave the option out for its default" : `did you mean '${near}'?`;
  throw new UsageError(problem`${option} must be among ${names.join(", ")}, got '${given}'; ${fix}`);
}

/** Threads of the engine; all cores when none is given. */
export function parseThreads(threads: number | undefined): number {
  const cores = availableParallelism();
  if (threads === undefined || threads <= cores) return threads ?? cores;
  throw new UsageError(
    problem`--threads must be at most ${cores}, the cores of this process, got ${threads}; omit it to use all`,
  );
}
