/** `performer push`: a model's folder to the Hugging Face hub, with a card that says what it is. */

import type { Command } from "commander";

import { pushToHub, totalBytes, type PushTaskOptions, type UploadFile } from "../tasks/push/push.ts";
import { formatCount, plural } from "../text/numbers.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { createVerb } from "./verb.ts";

interface PushVerbOptions extends PushTaskOptions {
  readonly json?: boolean;
}

const NOTES = `
The folder must be one that performer reads: what train, finetune, convert or Hugging Face's library
wrote. Everything in it goes along but checkpoint-*/ and hidden files. Where it has no README.md,
one is made: the model, its attention, where it comes from, how it is loaded. It names no licence;
add yours on the hub.

The token is read from HF_TOKEN, or given with --token, which shells keep in their history. It is
never printed. HF_ENDPOINT names another hub.`;

export function pushCommand(): Command {
  return createVerb({
    name: "push",
    summary:
      "Upload a model's folder to the Hugging Face hub; afterwards its name there can be given instead of the folder.",
    examples: [
      ["push minilm-favor me/minilm-favor", "creates the model, or adds a commit to it"],
      ["push minilm-favor me/minilm-favor --private", "for your eyes only, where it is new"],
      ["push runs/demo me/demo --dry-run", "what would be uploaded, without a token"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "a pretrained, converted or trained model's folder")
    .argument("<name>", "its name on the hub: owner/name")
    .option("--private", "create a private model; an existing one stays as it is")
    .option("--message <text>", "title of the commit", "Upload with performer-ts")
    .option("--token <token>", "access token with write access (default: HF_TOKEN)")
    .option("--dry-run", "list what would be uploaded, and upload nothing")
    .action(push);
}

async function push(folder: string, name: string, { json, ...options }: PushVerbOptions): Promise<void> {
  using display = showEvents();
  const { HF_TOKEN: token = "" } = process.env;
  const result = await pushToHub(folder, name, { token, ...options }, display);
  const { files, dryRun, url, commit, created } = result;
  if (json === true) await printJson(result);
  else if (dryRun) {
    process.stdout.write(`${files.map(describe).join("\n")}\n${summary(files)} would be uploaded to ${name}\n`);
  } else process.stdout.write(`${url}: ${summary(files)}, ${created ? "created" : "was there"}, commit ${commit}\n`);
}

function describe({ path, sizeBytes, generated }: UploadFile): string {
  return `${formatCount(sizeBytes).padStart(15)}  ${path}${generated ? " (made by this command)" : ""}`;
}

function summary(files: readonly UploadFile[]): string {
  return `${files.length} ${plural(files.length, "file")}, ${formatCount(totalBytes(files))} bytes`;
}
