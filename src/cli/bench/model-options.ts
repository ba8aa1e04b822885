// Options of the model that training and decoding are measured with.

import type { Command } from "commander";

import { positiveInteger } from "../verb.ts";

export interface BenchModelOptions {
  readonly layers: number;
  readonly modelDim: number;
  readonly heads: number;
  readonly features: number;
  readonly threads?: number;
  readonly json?: boolean;
}

export function addModelOptions(command: Command): Command {
  return command
    .option("--layers <count>", "blocks of the model", positiveInteger, 4)
    .option("--model-dim <size>", "width of the model", positiveInteger, 256)
    .option("--heads <count>", "attention heads", positiveInteger, 4)
    .option("--features <count>", "random features a head", positiveInteger, 128)
    .option("--threads <count>", "threads of the engine (default: all cores)", positiveInteger);
}

export function modelOf({ layers, modelDim, heads, features }: BenchModelOptions) {
  return { numLayers: layers, modelDim, numHeads: heads, numFeatures: features, dropout: 0 };
}
