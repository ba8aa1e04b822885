/** `--dtype`: how the weights of a trained model are stored while it is used. */

import { InvalidArgumentError, type Command } from "commander";

import { RuntimeError } from "../runtime/backend.ts";
import { weightDtype, weightDtypeNames } from "../runtime/weights.ts";
import type { WeightDtype } from "../onnx/weight-dtype.ts";

export function addDtypeOption(command: Command): Command {
  return command.option(
    "--dtype <type>",
    "store weights as float32, float16 or int8 (fp32, fp16, q8 mean the same); int8: about a quarter of the memory",
    parseDtype,
    "float32",
  );
}

/** The message completes commander's "argument 'int4' is invalid." */
function parseDtype(text: string): WeightDtype {
  try {
    return weightDtype(text);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new InvalidArgumentError(`It must be one of ${weightDtypeNames.join(", ")}`);
  }
}
