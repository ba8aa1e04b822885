/** Errors about options in the words of the command line: --max-length, not maxSeqLen. */

import type { Command } from "commander";

import { withOptionNames } from "../graph/errors.ts";

/** Options whose flag is not their name with hyphens. */
const flagNames: Readonly<Record<string, string>> = {
  maxNewTokens: "tokens",
  minNewTokens: "minTokens",
  maxSeqLen: "maxLength",
  numFeatures: "features",
  numHeads: "heads",
};

/**
 * The error with the flags of the command that was run. What was written with --set keeps the name that it has there.
 *
 * @param args what follows the program's name
 */
export function inFlags(error: unknown, commands: readonly Command[], args: readonly string[]): unknown {
  const command = commandOf(commands, args);
  if (command === undefined) return error;
  const flags = new Map(command.options.map((option) => [option.attributeName(), option.long]));
  const isSet = (name: string) => args.some((arg) => new RegExp(`(^|[.,\\s=])${name}\\s*=`).test(arg));
  return withOptionNames(error, (name) => {
    if (isSet(name)) return undefined;
    return flags.get(flagNames[name] ?? name) ?? undefined;
  });
}

/** `bench attention --lengths 5` is that of `attention` in `bench`. */
function commandOf(commands: readonly Command[], [name, ...rest]: readonly string[]): Command | undefined {
  const command = commands.find((each) => each.name() === name);
  return (command && commandOf(command.commands, rest)) ?? command;
}
