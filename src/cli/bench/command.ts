/** `performer bench`: how fast this machine is at what this package does. */

import { Command } from "commander";

import { frameErrors } from "../verb.ts";
import { allBenchCommand } from "./all-command.ts";
import { attentionBenchCommand } from "./attention-command.ts";
import { dataBenchCommand } from "./data-command.ts";
import { decodeBenchCommand } from "./decode-command.ts";
import { inferenceBenchCommand } from "./inference-command.ts";
import { memoryBenchCommand } from "./memory-command.ts";
import { modelBenchCommand } from "./model-command.ts";
import { trainBenchCommand } from "./train-command.ts";

export function benchCommand(): Command {
  return frameErrors(new Command("bench"), "performer bench")
    .description("Measure speed and memory on this machine.")
    .addHelpText(
      "after",
      `
Examples:
  performer bench attention      attention beside its matrix products, exact attention and its peers
  performer bench model          a whole model beside one whose attention costs nothing
  performer bench memory         peak memory of attention by length
  performer bench train          a training step
  performer bench inference      proteins embedded and scored
  performer bench decode         a token far out beside one near the start
  performer bench data           indexing and reading of a FASTA file
  performer bench all            all of them, with figures, into a folder`,
    )
    .addCommand(attentionBenchCommand())
    .addCommand(trainBenchCommand())
    .addCommand(modelBenchCommand())
    .addCommand(inferenceBenchCommand())
    .addCommand(decodeBenchCommand())
    .addCommand(memoryBenchCommand())
    .addCommand(dataBenchCommand())
    .addCommand(allBenchCommand());
}
