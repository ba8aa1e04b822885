/** Files on servers: addresses are read like paths. */
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
  return new Uint8Array(await response.arrayBuffer());
}

export async function* streamAddress(url: string): AsyncGenerator<Uint8Array> {
  const reader = (await ask(url, "GET")).body?.getReader();
  try {
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) yield part.value;
  } finally {
    await reader?.cancel();
  }
}

/** @throws StorageError: nothing but reading is done with addresses */
export function refuseAddress(path: string, action: string): void {
  if (isAddress(path)) throw new StorageError(`cannot ${action} ${path}: servers are only read; choose a path.`);
}

async function ask(url: string, method: "GET" | "HEAD", alsoTaken: readonly number[] = []): Promise<Response> {
  const response = await fetch(url, { method }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError(
      `${url}: the server must answer, got ${reason}; check the address, and that the server lets this page read it (CORS).`,
      { cause },
    );
  });
  if (response.ok || alsoTaken.includes(response.status)) return response;
  await response.body?.cancel();
  throw new StorageError(`${url}: the server must have the file, got status ${response.status}; check the address.`);
}
