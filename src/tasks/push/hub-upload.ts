/** Files to a model of the Hugging Face hub, as one commit; the model is created where there is none. */

import { problem } from "../../graph/errors.ts";
import { StorageError } from "../../storage/errors.ts";
import { codeOf } from "../../storage/failures.ts";

export interface UploadOptions {
  /** `owner/name`. */
  readonly name: string;
  /** Path on the hub → content, or the file that holds it. */
  readonly files: ReadonlyMap<string, URL | Blob>;
  /** The access token; never part of a message. */
  readonly token: string;
  /** The hub's address. */
  readonly endpoint: string;
  /** Whether a newly created model is private. */
  readonly isPrivate: boolean;
  /** The commit's title. */
  readonly message: string;
  /** Aborts the upload; the hub keeps its present state. */
  readonly signal?: AbortSignal;
  /** Called as each large file (weights) uploads, with the share done, 0 to 1. */
  readonly onProgress?: (path: string, share: number) => void;
}

export interface Uploaded {
  readonly url: string;
  readonly commit: string;
  /** Whether the model is new. */
  readonly created: boolean;
}

/** @throws StorageError when the hub refuses the token or the name, and when it does not answer */
export async function uploadToHub(options: UploadOptions): Promise<Uploaded> {
  const { name, files, token: accessToken, endpoint: hubUrl, isPrivate, message, signal, onProgress } = options;
  // Loaded on use: few commands need it.
  const { createRepo, repoExists, uploadFilesWithProgress } = await import("@huggingface/hub");
  try {
    const created = !(await repoExists({ repo: name, hubUrl, accessToken }));
    if (created) await createRepo({ repo: name, hubUrl, accessToken, visibility: isPrivate ? "private" : "public" });
    const upload = uploadFilesWithProgress({
      repo: name,
      hubUrl,
      accessToken,
      commitTitle: message,
      files: [...files].map(([path, content]) => ({ path, content })),
      ...(signal && { abortSignal: signal }),
    });
    for (;;) {
      const { done, value } = await upload.next();
      if (done) return { url: `${hubUrl}/${name}`, commit: commitOf(value), created };
      if (value.event === "fileProgress" && value.state === "uploading") onProgress?.(value.path, value.progress);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(error, options);
  }
}

/** @throws TypeError for an answer without one */
function commitOf(output: { readonly commit: { readonly oid: string } } | undefined): string {
  if (output === undefined) throw new TypeError("the hub's answer names no commit");
  return output.commit.oid;
}

const statuses: Readonly<Record<number, string>> = {
  401: "a token that the hub knows must be given, got one that it does not; make one with write access at https://huggingface.co/settings/tokens",
  403: "the token must allow to write there, got one that does not; make one with write access, or choose a name of your own",
  404: "the owner must be known to the hub, got a name that is not; check the name",
  409: "the name must be free or a model's, got one that the hub refuses; choose another name",
};

function explain(error: unknown, { name, endpoint }: UploadOptions): StorageError {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : undefined;
  if (typeof status === "number") {
    const said = error instanceof Error ? error.message : String(status);
    const rule = statuses[status] ?? `${endpoint} must take the files, got "${said}"; try again later`;
    return new StorageError(
      problem`${name}: ${rule} (status ${status}). Nothing was changed there unless a commit is shown.`,
      { cause: error },
    );
  }
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const reason = codeOf(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  return new StorageError(
    problem`${name}: ${endpoint} must answer, got ${reason}; check the connection and try again.`,
    {
      cause: error,
    },
  );
}
