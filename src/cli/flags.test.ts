// Errors about options, in the flags that were typed: on the commands as they are.

import { expect, it } from "vitest";

import type { Command } from "commander";

import { ConfigError, problem } from "../graph/errors.ts";
import { convertCommand } from "./convert.ts";
import { exportCommand } from "./export.ts";
import { inFlags } from "./flags.ts";
import { generateCommand } from "./generate.ts";
import { trainCommand } from "./train.ts";

const commands: Readonly<Record<string, () => Command>> = {
  convert: convertCommand,
  export: exportCommand,
  generate: generateCommand,
  train: trainCommand,
};

/** What the command line `args` says of an option that the library calls `option`. */
function told(option: string, [verb = "", ...args]: readonly string[]): string {
  const command = commands[verb]?.();
  const error = new ConfigError(problem`model: ${option} must be at most 7, got ${11}; make it smaller`);
  return String(inFlags(error, command === undefined ? [] : [command], [verb, ...args]));
}

it.each([
  ["maxSeqLen", ["convert", "bert", "--max-length", "11"], "--max-length"],
  ["numFeatures", ["convert", "bert", "--features", "11"], "--features"],
  ["positions", ["convert", "bert", "--positions", "repeat"], "--positions"],
  ["maxLength", ["export", "run", "--max-length", "11"], "--max-length"],
  ["maxNewTokens", ["generate", "run", "--tokens", "11"], "--tokens"],
  ["topK", ["generate", "run", "--top-k", "11"], "--top-k"],
  ["threads", ["train", "demo", "--threads", "11"], "--threads"],
  // Written with --set, it keeps the name that it has there; so does what has no flag.
  ["maxSeqLen", ["train", "demo", "--set", "maxSeqLen=11"], "maxSeqLen"],
  ["threads", ["train", "demo", "--set", "threads=11"], "threads"],
  ["batchSize", ["train", "demo"], "batchSize"],
  ["maxSeqLen", ["nothing"], "maxSeqLen"],
])("says of %s in %j: %s", (option, args, name) => {
  expect(told(option, args)).toBe(`ConfigError: model: ${name} must be at most 7, got 11; make it smaller`);
});
