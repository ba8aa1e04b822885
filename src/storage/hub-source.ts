/** A model of the Hugging Face hub as a source of files: what is read is downloaded once, checked, and kept. */

import { problem } from "../graph/errors.ts";
import * as z from "zod";
import { digest, environment, files, hub, paths } from "#files";
import { StorageError } from "./errors.ts";
import { requireInside, type DownloadProgress, type FileSource } from "./file-source.ts";
import { codeOf } from "./failures.ts";
import { createFolder, exists, readFileOrExplain, readTextOrExplain, writeFileAtomically } from "./files.ts";
import { parseJson, toExactJson } from "./json.ts";

export interface HubOptions {
  /** Where files are kept: `hub/<owner>--<name>/<commit>/` inside it. */
  readonly cacheFolder: string;
  /** The hub's address. Default: HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Called as each chunk downloads. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
}

const hubFile = z.object({
  path: z.string(),
  size: z.int().nonnegative(),
  /** The content's digest; for files that git itself holds, SHA-1 of "blob <size>\0" and the content. */
  digest: z.string(),
  algorithm: z.enum(["sha256", "git"]),
});
type HubFile = Readonly<z.output<typeof hubFile>>;

/**
 * What a model consists of: written once, so that later nothing is asked of the hub and a model does not change by
 * itself.
 */
const listing = z.object({ commit: z.string().regex(/^[0-9a-f]{40}$/), files: z.array(hubFile) });
type Listing = Readonly<z.output<typeof listing>>;

/**
 * The hub's address without a slash at its end: the one that is given, else HF_ENDPOINT, else https://huggingface.co.
 */
export function hubEndpoint(given: string | undefined = environment("HF_ENDPOINT")): string {
  return (given ?? "").replace(/\/+$/, "") || "https://huggingface.co";
}

/** `owner/name`, as the hub allows them. */
export function isHubName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text);
}

/**
 * Opens a public model by its name. A model that is kept already needs no connection, and stays at its commit until its
 * folder in the cache is deleted.
 *
 * @throws StorageError when there is no such model, and when the hub does not answer; `read` for a file that does not
 *   come whole
 */
export async function openHubSource(name: string, options: HubOptions): Promise<FileSource> {
  const endpoint = hubEndpoint(options.endpoint);
  const folder = paths.join(options.cacheFolder, "hub", name.replace("/", "--"));
  const { commit, files: listed } = await listingOf(name, folder, endpoint);
  const byPath = new Map(listed.map((file) => [file.path, file]));
  return {
    name,
    has: async (path) => byPath.has(path),
    read: async (path) => {
      requireInside(name, path);
      const file = byPath.get(path);
      if (file === undefined) return undefined;
      const place = paths.join(folder, commit, path);
      // Written in one go: a file of this name is whole.
      if (await hasSize(place, file.size)) return readFileOrExplain(place);
      const bytes = await download({ name, endpoint, commit, file, onDownload: options.onDownload });
      await createFolder(paths.dirname(place));
      await writeFileAtomically(place, bytes);
      return bytes;
    },
  };
}

async function listingOf(name: string, folder: string, endpoint: string): Promise<Listing> {
  const place = paths.join(folder, "files.json");
  if (await exists(place)) {
    const found = listing.safeParse(parseJson(await readTextOrExplain(place), place));
    if (found.success) return found.data;
    throw new StorageError(
      problem`${place} must list a model's files, got something else; delete ${folder} to download it anew.`,
    );
  }
  const found = await askHub(name, endpoint);
  await createFolder(folder);
  await writeFileAtomically(place, toExactJson(found, "the list of files"));
  return found;
}

async function askHub(name: string, endpoint: string): Promise<Listing> {
  try {
    const found = listing.safeParse(await hub.list(name, endpoint));
    if (found.success) return found.data;
    const [issue] = found.error.issues;
    throw new TypeError(`a list of files whose '${issue?.path.join(".")}' is not valid (${issue?.message})`);
  } catch (error) {
    throw explain(error, name, endpoint);
  }
}

interface Download extends Pick<HubOptions, "onDownload"> {
  readonly name: string;
  readonly endpoint: string;
  readonly commit: string;
  readonly file: HubFile;
}

async function download({ name, endpoint, commit, file, onDownload }: Download): Promise<Uint8Array> {
  const { path, size } = file;
  let bytes = new Uint8Array(0);
  let done = 0;
  try {
    bytes = new Uint8Array(size);
    const reader = (await hub.open({ name, endpoint, commit, path }))?.getReader();
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      if (done + part.value.length > size) {
        done += part.value.length;
        await reader?.cancel();
        break;
      }
      bytes.set(part.value, done);
      done += part.value.length;
      onDownload?.({ path, doneBytes: done, sizeBytes: size });
    }
  } catch (error) {
    throw explain(error, name, endpoint);
  }
  if (done === size && (await digestOf(bytes, file)) === file.digest) return bytes;
  const got = done === size ? `${size} other bytes` : `${done > size ? "more" : done} of ${size} bytes`;
  throw new StorageError(
    problem`${name}/${path}: the download must be what ${endpoint} lists, got ${got}; try again. Nothing was kept of
    it.`,
  );
}

function digestOf(bytes: Uint8Array, { algorithm, size }: HubFile): Promise<string> {
  return algorithm === "sha256" ? digest("sha256", [bytes]) : digest("sha1", [`blob ${size}\0`, bytes]);
}

function explain(error: unknown, name: string, endpoint: string): StorageError {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : undefined;
  // The hub answers 401 for what is not there, as it may be somebody's own.
  if (status === 404 || status === 401 || status === 403) {
    return new StorageError(
      problem`${name}: a public model of that name must be on ${endpoint}, got none (status ${status}); check the name,
      or give a folder.`,
      { cause: error },
    );
  }
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const reason = codeOf(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  return new StorageError(
    problem`${name}: ${endpoint} must answer, got ${reason}; check the connection, or give a folder that was downloaded
    elsewhere.`,
    { cause: error },
  );
}

async function hasSize(path: string, size: number): Promise<boolean> {
  return files.stat(path).then(
    (found) => found?.sizeBytes === size,
    () => false,
  );
}
