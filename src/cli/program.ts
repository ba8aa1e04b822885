// The command `performer`: its verbs, and what happens when one of them fails.

import { Command } from "commander";

import { describeFailure, exitCodes } from "./failures.ts";
import { packageVersion } from "../runs/run-config.ts";
import { frameErrors } from "./verb.ts";

const EXAMPLES = `
Examples:
  performer demo                               train, evaluate and generate: about three minutes
  performer train my.jsonc --out runs/mine     train by a recipe of your own
  performer train --data book.txt              train on text, images or labelled sequences
  performer eval runs/demo --split ood         evaluate on unseen protein families
  performer finetune runs/demo --data my.csv   a classifier, or a regression, of labelled sequences
  performer predict runs/finetune --fasta my.fasta   classes or values of new proteins
  performer generate runs/demo --prompt MKV    generate proteins, text or images
  performer score runs/demo --sequence P00974  how likely proteins are, and what each mutation would change
  performer embed runs/demo --fasta my.fasta   proteins as vectors, into a file
  performer embed MODEL --file lines.txt       texts as vectors, by a pretrained model's folder or its name on the hub
  performer convert MODEL --out minilm-favor   linear attention in the place of a pretrained model's, and what that changes
  performer export MODEL --out minilm-onnx     an ONNX file for transformers.js and ONNX Runtime
  performer distill minilm-favor --teacher MODEL --out better   train what convert made to do what its original does
  performer push minilm-favor me/minilm-favor  a model's folder to the Hugging Face hub
  performer attention runs/demo                what a protein model looks at, and which amino acids it takes for alike
  performer bench attention                    how fast this machine is
  performer lab run unsigned-qr                check a published claim on this machine
  performer lab diagnose runs/demo             how near a model's attention is to softmax, and what would help

Every command takes --json and --help. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
PERFORMER_DEBUG=1 shows timings, and where an error was thrown.`;

/** Loads a verb. Each is loaded when it is asked for: all of them with what they need take three times as long as one. */
const loaders = {
  demo: async () => (await import("./demo.ts")).demoCommand(),
  train: async () => (await import("./train.ts")).trainCommand(),
  eval: async () => (await import("./eval.ts")).evalCommand(),
  finetune: async () => (await import("./finetune.ts")).finetuneCommand(),
  predict: async () => (await import("./predict.ts")).predictCommand(),
  generate: async () => (await import("./generate.ts")).generateCommand(),
  score: async () => (await import("./score.ts")).scoreCommand(),
  embed: async () => (await import("./embed.ts")).embedCommand(),
  convert: async () => (await import("./convert.ts")).convertCommand(),
  distill: async () => (await import("./distill.ts")).distillCommand(),
  export: async () => (await import("./export.ts")).exportCommand(),
  push: async () => (await import("./push.ts")).pushCommand(),
  attention: async () => (await import("./attention.ts")).attentionCommand(),
  bench: async () => (await import("./bench/command.ts")).benchCommand(),
  lab: async () => (await import("./lab/command.ts")).labCommand(),
} as const satisfies Record<string, () => Promise<Command>>;

/** The verb that is asked for; all of them for help, and where it is none. */
async function loadVerbs([first = ""]: readonly string[]): Promise<readonly Command[]> {
  const wanted = Object.entries(loaders).filter(([name]) => name === first);
  const loading = wanted.length > 0 ? wanted : Object.entries(loaders);
  return Promise.all(loading.map(([, load]) => load()));
}

/**
 * Runs the command line. Sets the process's exit code, and lets it end by itself, so that no output is cut short.
 *
 * @param args what follows the program's name
 */
export async function runProgram(args: readonly string[]): Promise<void> {
  const program = frameErrors(new Command("performer"), "performer")
    .description("Transformers with linear-time attention (Performers, FAVOR+): train, evaluate, generate.")
    .version(await packageVersion())
    .addHelpText("after", EXAMPLES)
    // What stands behind a verb is the verb's: experiments of the laboratory have options of their own.
    .enablePositionalOptions();
  const verbs = await loadVerbs(args);
  for (const verb of verbs) program.addCommand(verb);
  try {
    if (args.length === 0) {
      process.stderr.write(`${program.helpInformation()}${EXAMPLES}\n`);
      process.exitCode = exitCodes.usage;
      return;
    }
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const verb = verbs.find((each) => each.name() === args[0]);
    const command = verb === undefined ? "performer" : `performer ${verb.name()}`;
    const { exitCode, text } = describeFailure(command, error, Number(process.env["PERFORMER_DEBUG"] ?? 0) >= 1);
    process.stderr.write(text);
    process.exitCode = exitCode;
  }
}
