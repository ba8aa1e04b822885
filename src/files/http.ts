/** Files on servers: addresses are read like paths. */
import { problem } from "../graph/errors.ts";
import { StorageError } from "./errors.ts";
import type { FileInfo } from "./files.ts";

/** Whether a path is the address of a server. */
export function isAddress(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

export async function statAddress(url: string): Promise<FileInfo | undefined> {
  const { status, headers } = await ask(url, "HEAD", [404, 410]);
  if (status === 404 || status === 410) return undefined;
  const changedMs = Date.parse(headers.get("last-modified") ?? "");
  return {
    isFolder: false,
    sizeBytes: Number(headers.get("content-length") ?? 0),
    changedMs: Number.isNaN(changedMs) ? 0 : changedMs,
  };
}

export async function readAddress(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await ask(url, "GET");
  return new Uint8Array(await whole(url, response.arrayBuffer()));
}

export async function* streamAddress(url: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield* bodyOf(url, await ask(url, "GET"));
}

/** The parts of an answer, as they come. */
export async function* bodyOf(url: string, { body }: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader();
  const next = () => whole(url, reader?.read() ?? Promise.resolve(undefined));
  try {
    for (let part = await next(); part?.value !== undefined; part = await next()) yield part.value;
  } finally {
    // A connection that broke has nothing to be given up.
    await reader?.cancel().catch(() => undefined);
  }
}

/**
 * Asks a server.
 *
 * @returns its answer, whatever its status
 * @throws StorageError where none comes
 */
export function askServer(url: string, method: "GET" | "HEAD"): Promise<Response> {
  return fetch(url, { method }).catch((cause: unknown) => {
    throw new StorageError(
      problem`${url}: the server must answer, got ${reasonOf(cause)}; check the address, and that the server lets pages
      of other sites read it (CORS).`,
      { cause },
    );
  });
}

/** @throws StorageError where a connection breaks before all has come */
async function whole<T>(url: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    throw new StorageError(
      problem`${url}: the connection broke while the file was read (${reasonOf(cause)}); try again.`,
      {
        cause,
      },
    );
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** @throws StorageError: nothing but reading is done with addresses */
export function refuseAddress(path: string, action: string): void {
  if (isAddress(path)) throw new StorageError(problem`cannot ${action} ${path}: servers are only read; choose a path.`);
}

async function ask(url: string, method: "GET" | "HEAD", alsoTaken: readonly number[] = []): Promise<Response> {
  const response = await askServer(url, method);
  if (response.ok || alsoTaken.includes(response.status)) return response;
  await response.body?.cancel();
  throw new StorageError(
    problem`${url}: the server must have the file, got status ${response.status}; check the address.`,
  );
}
