/** The command `performer`: its verbs, and what happens when one of them fails. */

import { Command } from "commander";

import { packageVersion } from "../runs/run-config.ts";
import { completionCommand } from "./completion.ts";
import { describeFailure, exitCodes } from "./failures.ts";
import { inFlags } from "./flags.ts";
import { frameErrors } from "./verb.ts";

interface Verb {
  /** For the list of verbs; at most 64 columns. */
  readonly summary: string;
  /** Each verb is loaded when it is asked for: all of them with their modules take three times as long as one. */
  readonly load: () => Promise<Command>;
}

/** The verbs in groups, the most used first. */
const groups = {
  "Train a model and use it:": {
    demo: {
      summary: "train, evaluate and generate, in about three minutes",
      load: async () => (await import("./demo.ts")).demoCommand(),
    },
    train: {
      summary: "train on proteins, text, images or tables; --resume continues",
      load: async () => (await import("./train.ts")).trainCommand(),
    },
    eval: {
      summary: "evaluate on held-out or other data, beside a baseline",
      load: async () => (await import("./eval.ts")).evalCommand(),
    },
    generate: {
      summary: "generate proteins, text or images",
      load: async () => (await import("./generate.ts")).generateCommand(),
    },
    finetune: {
      summary: "train a classifier or a regression on top of a model",
      load: async () => (await import("./finetune.ts")).finetuneCommand(),
    },
    predict: {
      summary: "predict classes or values with a fine-tuned model",
      load: async () => (await import("./predict.ts")).predictCommand(),
    },
    embed: {
      summary: "turn proteins, texts or images into vectors",
      load: async () => (await import("./embed.ts")).embedCommand(),
    },
    score: {
      summary: "score proteins and all their mutants",
      load: async () => (await import("./score.ts")).scoreCommand(),
    },
    attention: {
      summary: "show what the heads of a model look at",
      load: async () => (await import("./attention.ts")).attentionCommand(),
    },
  },
  "Pretrained models, in and out:": {
    convert: {
      summary: "give a pretrained model linear attention",
      load: async () => (await import("./convert.ts")).convertCommand(),
    },
    distill: {
      summary: "train a converted model to match its original",
      load: async () => (await import("./distill.ts")).distillCommand(),
    },
    export: {
      summary: "write ONNX files for transformers.js and ONNX Runtime",
      load: async () => (await import("./export.ts")).exportCommand(),
    },
    push: {
      summary: "upload a model to the Hugging Face hub",
      load: async () => (await import("./push.ts")).pushCommand(),
    },
  },
  "Measure:": {
    bench: {
      summary: "speed and memory on this machine",
      load: async () => (await import("./bench/command.ts")).benchCommand(),
    },
    lab: {
      summary: "check published claims, compare and diagnose attention",
      load: async () => (await import("./lab/command.ts")).labCommand(),
    },
  },
} as const satisfies Record<string, Record<string, Verb>>;

const verbs: Readonly<Record<string, Verb>> = Object.assign({}, ...Object.values(groups));

/** Fits a terminal of 24 lines: each verb has a longer help of its own. */
function programHelp(): string {
  const listed = Object.entries<Readonly<Record<string, Verb>>>(groups).flatMap(([heading, verbsOfGroup]) => [
    heading,
    ...Object.entries(verbsOfGroup).map(([name, { summary }]) => `  ${name.padEnd(11)}${summary}`),
  ]);
  return `Usage: performer COMMAND [options]     Transformers with linear-time attention

${listed.join("\n")}

performer COMMAND --help shows its options, with examples. performer completion
SHELL completes them in bash, zsh or fish; performer --version.
`;
}

/** Loads the verb that is asked for; all of them where it is none, so that the nearest one can be named. */
async function loadVerbs([first = ""]: readonly string[]): Promise<readonly Command[]> {
  const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined;
  if (verb !== undefined) return [await verb.load()];
  const all = async () => Promise.all(Object.values(verbs).map(({ load }) => load()));
  if (first === "completion") return [completionCommand(all)];
  return first.startsWith("-") ? [] : [...(await all()), completionCommand(all)];
}

/**
 * Runs the command line. Sets the process's exit code, and lets it end by itself, so that no output is cut short.
 *
 * @param args what follows the program's name
 */
export async function runProgram(args: readonly string[]): Promise<void> {
  const program = frameErrors(new Command("performer"), "performer")
    .version(await packageVersion())
    .configureHelp({ formatHelp: programHelp })
    // An option behind a verb is the verb's own: the laboratory's experiments have options of their own.
    .enablePositionalOptions();
  const loaded = await loadVerbs(args);
  for (const verb of loaded) program.addCommand(verb);
  try {
    if (args.length === 0) {
      process.stderr.write(programHelp());
      process.exitCode = exitCodes.usage;
      return;
    }
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const verb = loaded.find((each) => each.name() === args[0]);
    const command = verb === undefined ? "performer" : `performer ${verb.name()}`;
    const told = inFlags(error, loaded, args);
    const { exitCode, text } = describeFailure(command, told, Number(process.env["PERFORMER_DEBUG"] ?? 0) >= 1);
    process.stderr.write(text);
    process.exitCode = exitCode;
  }
}
