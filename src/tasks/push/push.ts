/** A model's folder to the Hugging Face hub, with a card that says what it is. */

import { problem } from "../../graph/errors.ts";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { notice, reportProgress, untilAborted, type OnEvent, type TaskContext } from "../../runs/events.ts";
import { openModel, embeddingModelOf } from "../../runs/open-model.ts";
import { UsageError } from "../../runs/usage.ts";
import { StorageError } from "../../storage/errors.ts";
import { exists, listFolder } from "../../storage/files.ts";
import { hubEndpoint, isHubName } from "../../storage/hub-source.ts";
import { filesOfFolder, type FolderFile } from "./folder-files.ts";
import { uploadToHub } from "./hub-upload.ts";
import { modelCard } from "./model-card.ts";

export interface PushTaskOptions {
  /** Creates a private model; one that exists stays as it is. */
  readonly private?: boolean;
  /** Title of the commit. */
  readonly message: string;
  /** With write access; needed unless nothing is uploaded. */
  readonly token?: string;
  /** Lists what would be uploaded, and uploads nothing. */
  readonly dryRun?: boolean;
}

export interface PushResult {
  readonly name: string;
  readonly files: readonly UploadFile[];
  readonly private: boolean;
  readonly dryRun: boolean;
  /** The address of the uploaded commit. */
  readonly url?: string;
  readonly commit?: string;
  /** Whether the model is new on the hub. */
  readonly created?: boolean;
}

const CARD = "README.md";

/**
 * @param folder of a pretrained, converted or trained model
 * @param name on the hub: owner/name
 * @throws UsageError for another name, and without a token; StorageError for the folder and for what the hub refuses
 */
export async function pushToHub(
  folder: string,
  name: string,
  { private: isPrivate = false, message, dryRun = false, token }: PushTaskOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<PushResult> {
  if (!isHubName(name)) {
    throw new UsageError(
      problem`the name must be owner/name, got ${JSON.stringify(name)}; for example me/minilm-favor`,
    );
  }
  const checked = dryRun ? "" : tokenOf(token);
  const { files, card } = await prepare(folder, name, untilAborted(signal, onEvent));
  const about = { name, files, private: isPrivate, dryRun };
  if (dryRun) return about;
  const contents = new Map<string, URL | Blob>(
    files.map(({ path }) => [
      path,
      path === CARD && card !== undefined ? new Blob([card]) : pathToFileURL(join(folder, path)),
    ]),
  );
  const sizes = new Map(files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const shares = new Map<string, number>();
  const progress = reportProgress(onEvent, { label: "upload", unit: "bytes", total: totalBytes(files) });
  try {
    const uploaded = await uploadToHub({
      name,
      files: contents,
      token: checked,
      endpoint: hubEndpoint(),
      isPrivate,
      message,
      ...(signal && { signal }),
      onProgress: (path, share) => {
        shares.set(path, share);
        progress.update(
          Math.round([...shares].reduce((done, [each, part]) => done + part * (sizes.get(each) ?? 0), 0)),
        );
      },
    });
    progress.update(totalBytes(files));
    progress.stop();
    if (isPrivate && !uploaded.created) notice(onEvent, `${name} was there before; who sees it stays as it was`);
    return { ...about, ...uploaded };
  } finally {
    progress.stop();
  }
}

export interface UploadFile extends FolderFile {
  /** Made by the task. */
  readonly generated?: true;
}

/** Opens the model, so that nothing is uploaded that nobody could load. */
async function prepare(
  folder: string,
  name: string,
  onEvent: OnEvent | undefined,
): Promise<{ files: readonly UploadFile[]; card: string | undefined }> {
  if ((await listFolder(folder)) === undefined) {
    throw new StorageError(
      problem`${folder}: a model's folder is needed, but there is no such folder; check the path.`,
    );
  }
  const opened = await openModel(folder, {}, onEvent);
  const own = await filesOfFolder(folder);
  if (own.some(({ path }) => path === CARD)) return { files: own, card: undefined };
  const { config, reads } = embeddingModelOf(opened);
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
function tokenOf(token: string | undefined): string {
  const trimmed = token?.trim() ?? "";
  if (/^hf_\w+$/.test(trimmed)) return trimmed;
  throw new UsageError(
    problem`a token with write access must be given, got
    ${trimmed === "" ? "none" : "something that does not begin with hf_"}; set HF_TOKEN to one of
    https://huggingface.co/settings/tokens, or use --dry-run`,
  );
}

export function totalBytes(files: readonly FolderFile[]): number {
  return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}
