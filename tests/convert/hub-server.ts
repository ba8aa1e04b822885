/** A server on this machine that answers as the Hugging Face hub does, with the files of one model. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export interface HubServer extends AsyncDisposable {
  readonly endpoint: string;
  /** Methods and paths that were asked for. */
  readonly requests: string[];
  /** What is sent in the place of a file's content. */
  readonly damaged: Map<string, Uint8Array>;
}

/** @param name `owner/name` of the only model there is */
export async function startHub(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<HubServer> {
  const requests: string[] = [];
  const damaged = new Map<string, Uint8Array>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").replace(/\?.*$/, ""));
    requests.push(path);
    answer(path, request, response);
  });

  function answer(path: string, request: IncomingMessage, response: ServerResponse): void {
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (path === `/api/models/${name}/revision/main`) {
      json({ _id: "1", id: name, sha: COMMIT, private: false, downloads: 0, likes: 0, lastModified: "2024-01-01" });
    } else if (path === `/api/models/${name}/tree/${COMMIT}`) {
      json(Object.entries(files).map(([file, bytes]) => entryOf(file, bytes)));
    } else if (path.startsWith(`/${name}/resolve/${COMMIT}/`)) {
      const file = path.slice(`/${name}/resolve/${COMMIT}/`.length);
      const bytes = damaged.get(file) ?? files[file];
      if (bytes === undefined) response.writeHead(404, { "X-Error-Code": "EntryNotFound" }).end();
      else sendRange(bytes, request, response);
    } else {
      json({ error: "Repository not found" }, 404);
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    damaged,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Weights are kept outside git, and known by another digest. */
function entryOf(path: string, bytes: Uint8Array) {
  const size = bytes.length;
  const oid = createHash("sha1").update(`blob ${size}\0`).update(bytes).digest("hex");
  const lfs = { oid: createHash("sha256").update(bytes).digest("hex"), size, pointerSize: 134 };
  return { type: "file", path, size, oid, ...(path.endsWith(".safetensors") && { lfs }) };
}

function sendRange(bytes: Uint8Array, { headers }: IncomingMessage, response: ServerResponse): void {
  const [, from = "0", to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  const end = to === undefined || to === "" ? bytes.length : Number(to) + 1;
  const part = bytes.subarray(Number(from), end);
  response
    .writeHead(headers.range === undefined ? 200 : 206, {
      etag: '"1"',
      "content-length": part.length,
      "content-range": `bytes ${from}-${end - 1}/${bytes.length}`,
    })
    .end(part);
}
