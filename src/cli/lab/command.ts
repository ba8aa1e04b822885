/**
 * `performer lab`: the claims of the literature, to be checked on this machine, and experiments on data of one's own.
 */

import { Command } from "commander";

import { formatLabList } from "../../tasks/lab/summary.ts";
import { printJson } from "../output/json.ts";
import { createVerb, frameErrors } from "../verb.ts";
import { diagnoseCommand } from "./diagnose.ts";
import { loadBuiltLab, type LoadLab } from "./load-lab.ts";
import { runCommand } from "./run.ts";

/** @param load default the compiled laboratory; tests bring their own */
export function labCommand(load: LoadLab = loadBuiltLab): Command {
  return frameErrors(new Command("lab"), "performer lab")
    .description("Check published claims, compare mechanisms, and see how near a model's attention is to softmax.")
    .addHelpText(
      "after",
      `
Examples:
  performer lab list                       the claims and experiments
  performer lab run attention-error        check a claim: minutes; --quick: seconds
  performer lab run compare --help         an experiment has options of its own
  performer lab diagnose runs/demo         the attention of a trained model`,
    )
    .enablePositionalOptions()
    .addCommand(listCommand(load))
    .addCommand(runCommand(load))
    .addCommand(diagnoseCommand());
}

function listCommand(load: LoadLab): Command {
  return createVerb({
    name: "lab list",
    summary: "List the claims that can be checked, and the experiments that can be made.",
    examples: [
      ["lab list", "names and titles"],
      ["lab list --json", "with what was published"],
    ],
  })
    .name("list")
    .action(async (options: { readonly json?: boolean }) => {
      const { claims, experiments } = await load();
      if (options.json === true) {
        await printJson({
          claims: claims.map(({ claim, title, published }) => ({ claim, title, published })),
          experiments: experiments.map(({ experiment, title }) => ({ experiment, title })),
        });
      } else {
        process.stdout.write(`${formatLabList(claims, experiments)}\n`);
      }
    });
}
