// The command `performer`: its verbs, and what happens when one of them fails.

import { Command } from "commander";

import { attentionCommand } from "./attention.ts";
import { benchCommand } from "./bench/command.ts";
import { convertCommand } from "./convert.ts";
import { demoCommand } from "./demo.ts";
import { distillCommand } from "./distill.ts";
import { embedCommand } from "./embed.ts";
import { evalCommand } from "./eval.ts";
import { exportCommand } from "./export.ts";
import { describeFailure, exitCodes } from "./failures.ts";
import { finetuneCommand } from "./finetune.ts";
import { generateCommand } from "./generate.ts";
import { predictCommand } from "./predict.ts";
import { pushCommand } from "./push.ts";
import { labCommand } from "./lab/command.ts";
import { packageVersion } from "../runs/run-config.ts";
import { scoreCommand } from "./score.ts";
import { trainCommand } from "./train.ts";
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

/**
 * Runs the command line. Sets the process's exit code, and lets it end by itself, so that no output is cut short.
 *
 * @param args what follows the program's name
 */
export async function runProgram(args: readonly string[]): Promise<void> {
  endQuietlyWhenUnread();
  const program = frameErrors(new Command("performer"), "performer")
    .description("Transformers with linear-time attention (Performers, FAVOR+): train, evaluate, generate.")
    .version(await packageVersion())
    .addHelpText("after", EXAMPLES)
    // What stands behind a verb is the verb's: experiments of the laboratory have options of their own.
    .enablePositionalOptions();
  const verbs = [
    demoCommand(),
    trainCommand(),
    evalCommand(),
    finetuneCommand(),
    predictCommand(),
    generateCommand(),
    scoreCommand(),
    embedCommand(),
    convertCommand(),
    distillCommand(),
    exportCommand(),
    pushCommand(),
    attentionCommand(),
    benchCommand(),
    labCommand(),
  ];
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

/** A closed pipe, as of `performer generate … | head`, is the reader's way to say that it is enough: no failure. */
function endQuietlyWhenUnread(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    const reason = error.code === "ENOSPC" ? "the disk is full; free some space" : error.message;
    process.stderr.write(
      `performer: standard output cannot be written: ${reason}. What was written to files is whole.\n`,
    );
    process.exit(exitCodes.failed);
  });
  // Progress that nobody reads is no reason to stop.
  process.stderr.on("error", () => undefined);
}
