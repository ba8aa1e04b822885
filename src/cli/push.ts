// `performer push`: a model's folder to the Hugging Face hub, with a card that says what it is.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { Command } from "commander";

import { StorageError } from "../storage/errors.ts";
import { exists, listFolder } from "../storage/files.ts";
import { hubEndpoint, isHubName } from "../storage/hub-source.ts";
import { UsageError } from "../runs/usage.ts";
import { openModel, subjectOf } from "../runs/open-model.ts";
import { printJson } from "./output/json.ts";
import { formatCount, plural } from "../text/numbers.ts";
import { createProgress } from "./output/progress.ts";
import { filesOfFolder } from "../tasks/push/folder-files.ts";
import type { FolderFile } from "../tasks/push/folder-files.ts";
import { uploadToHub } from "../tasks/push/hub-upload.ts";
import { modelCard } from "../tasks/push/model-card.ts";
import { createVerb } from "./verb.ts";

interface PushOptions {
  readonly private?: boolean;
  readonly message: string;
  readonly token?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const CARD = "README.md";

const NOTES = `
The folder must be one that performer reads: what train, finetune, convert or Hugging Face's library wrote. Everything in it goes along but
checkpoint-*/ and hidden files. Where it has no README.md, one is made: the model, its attention, where it comes from, how it is loaded. It
names no licence; add yours on the hub.

The token is read from HF_TOKEN, or given with --token, which shells keep in their history. It is never printed. HF_ENDPOINT names
another hub.`;

export function pushCommand(): Command {
  return createVerb({
    name: "push",
    summary:
      "Upload a model's folder to the Hugging Face hub, from where its name can be given in the place of the folder.",
    examples: [
      ["push minilm-favor me/minilm-favor", "creates the model, or adds a commit to it"],
      ["push minilm-favor me/minilm-favor --private", "for your eyes only, where it is new"],
      ["push runs/demo me/demo --dry-run", "what would be uploaded, without a token"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "a pretrained, converted or trained model's folder")
    .argument("<name>", "its name on the hub: owner/name")
    .option("--private", "create it as a private one; one that exists stays as it is")
    .option("--message <text>", "title of the commit", "Upload with performer-ts")
    .option("--token <token>", "with write access (default: HF_TOKEN)")
    .option("--dry-run", "list what would be uploaded, and upload nothing")
    .action(push);
}

async function push(folder: string, name: string, options: PushOptions): Promise<void> {
  const { private: isPrivate = false, message, dryRun = false, json } = options;
  if (!isHubName(name)) {
    throw new UsageError(`the name must be owner/name, got ${JSON.stringify(name)}; for example me/minilm-favor`);
  }
  const token = dryRun ? "" : tokenOf(options);
  const { files, card } = await prepare(folder, name);
  const about = { name, files, private: isPrivate };
  if (dryRun) {
    if (json === true) await printJson({ ...about, dryRun });
    else process.stdout.write(`${files.map(describe).join("\n")}\n${summary(files)} would be uploaded to ${name}\n`);
    return;
  }
  const contents = new Map<string, URL | Blob>(
    files.map(({ path }) => [
      path,
      path === CARD && card !== undefined ? new Blob([card]) : pathToFileURL(join(folder, path)),
    ]),
  );
  const sizes = new Map(files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const shares = new Map<string, number>();
  const progress = createProgress({ label: "upload", unit: "bytes", total: sum(files) });
  let uploaded;
  try {
    uploaded = await uploadToHub({
      name,
      files: contents,
      token,
      endpoint: hubEndpoint(),
      isPrivate,
      message,
      onProgress: (path, share) => {
        shares.set(path, share);
        progress.update(
          Math.round([...shares].reduce((done, [each, part]) => done + part * (sizes.get(each) ?? 0), 0)),
        );
      },
    });
    progress.update(sum(files));
  } finally {
    progress.stop();
  }
  const { url, commit, created } = uploaded;
  if (isPrivate && !created) process.stderr.write(`${name} was there before; who sees it stays as it was\n`);
  if (json === true) await printJson({ ...about, dryRun, url, commit, created });
  else process.stdout.write(`${url}: ${summary(files)}, ${created ? "created" : "was there"}, commit ${commit}\n`);
}

interface UploadFile extends FolderFile {
  /** Made by this command. */
  readonly generated?: true;
}

/** Opens the model, so that nothing is uploaded that nobody could load. */
async function prepare(
  folder: string,
  name: string,
): Promise<{ files: readonly UploadFile[]; card: string | undefined }> {
  if ((await listFolder(folder)) === undefined) {
    throw new StorageError(`${folder}: a model's folder is needed, but there is no such folder; check the path.`);
  }
  const opened = await openModel(folder, {});
  const own = await filesOfFolder(folder);
  if (own.some(({ path }) => path === CARD)) return { files: own, card: undefined };
  const { config, reads } = subjectOf(opened);
  const origin = opened.kind === "run" ? undefined : opened.model.origin;
  const card = modelCard({
    name,
    config,
    reads,
    modelType: opened.kind === "run" ? undefined : opened.model.modelType,
    origin,
    // A folder of that name is a folder, as wherever models are opened.
    isOriginOnHub: origin !== undefined && isHubName(origin) && !(await exists(origin)),
  });
  const made: UploadFile = { path: CARD, sizeBytes: new TextEncoder().encode(card).length, generated: true };
  return { files: [made, ...own], card };
}

/** @throws UsageError where there is none, or something else */
function tokenOf({ token = process.env["HF_TOKEN"] ?? "" }: PushOptions): string {
  const trimmed = token.trim();
  if (/^hf_\w+$/.test(trimmed)) return trimmed;
  throw new UsageError(
    `a token with write access must be given, got ${trimmed === "" ? "none" : "something that does not begin with hf_"}; ` +
      "set HF_TOKEN to one of https://huggingface.co/settings/tokens, or use --dry-run",
  );
}

function describe({ path, sizeBytes, generated }: UploadFile): string {
  return `${formatCount(sizeBytes).padStart(15)}  ${path}${generated ? " (made by this command)" : ""}`;
}

function summary(files: readonly FolderFile[]): string {
  return `${files.length} ${plural(files.length, "file")}, ${formatCount(sum(files))} bytes`;
}

function sum(files: readonly FolderFile[]): number {
  return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
