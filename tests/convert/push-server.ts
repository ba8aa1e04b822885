/** A server on this machine that takes models as the Hugging Face hub does: creation, large files apart, one commit. */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const TOKEN = "hf_aTokenOfTheTests";
export const NEW_COMMIT = "89abcdef0123456789abcdef0123456789abcdef";

export interface PushServer extends AsyncDisposable {
  readonly endpoint: string;
  /** What there is of each model: path → content. */
  readonly models: Map<string, Map<string, Uint8Array>>;
  /** Bodies of requests to create a model. */
  readonly created: unknown[];
  /** Titles of commits. */
  readonly titles: string[];
}

interface CommitLine {
  readonly key: "header" | "file" | "lfsFile";
  readonly value: {
    readonly summary?: string;
    readonly path?: string;
    readonly content?: string;
    readonly oid?: string;
  };
}

/** @param owner whose token `TOKEN` is: others' models it may not write */
export async function startPushServer(owner: string): Promise<PushServer> {
  const models = new Map<string, Map<string, Uint8Array>>();
  const large = new Map<string, Uint8Array>();
  const created: unknown[] = [];
  const titles: string[] = [];
  let endpoint = "";

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent((request.url ?? "").replace(/\?.*$/, ""));
    const bytes = await bodyOf(request);
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    const body = () => JSON.parse(bytes.toString()) as Record<string, unknown>; // the client's, which is of objects
    const [, place] = /^\/large\/(\w+)$/.exec(path) ?? [];
    if (place !== undefined) {
      large.set(createHash("sha256").update(bytes).digest("hex"), bytes);
      response.writeHead(large.has(place) ? 200 : 400).end();
      return;
    }
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return void json({ error: "Invalid token" }, 401);
    const [, name = "", action] =
      /^\/(?:api\/models\/)?([^/]+\/[^/]+?)(?:\.git\/info|\/(preupload|commit)\/main|)(?:\/lfs\/objects\/batch)?$/.exec(
        path,
      ) ?? [];
    if (path === "/api/repos/create") {
      const { organization, name: own } = body();
      if (organization !== owner) return void json({ error: "Forbidden" }, 403);
      created.push(body());
      models.set(`${String(organization)}/${String(own)}`, new Map());
      return void json({ url: `${endpoint}/${owner}/${String(own)}`, id: "1" });
    }
    const model = models.get(name);
    if (model === undefined) return void json({ error: "Repository not found" }, 404);
    if (action === "preupload") {
      const files = body()["files"] as readonly { readonly path: string }[]; // as the client sends them
      const modeOf = (file: string) => (file.endsWith(".safetensors") ? "lfs" : "regular");
      return void json({ files: files.map((file) => ({ path: file.path, uploadMode: modeOf(file.path) })) });
    }
    if (path.endsWith("/batch")) {
      const objects = body()["objects"] as readonly { readonly oid: string; readonly size: number }[]; // likewise
      const upload = (oid: string) => ({ upload: { href: `${endpoint}/large/${oid}` } });
      return void json({ transfer: "basic", objects: objects.map((each) => ({ ...each, actions: upload(each.oid) })) });
    }
    if (action !== "commit") return void json({ id: name });
    for (const { key, value } of bytes
      .toString()
      .split("\n")
      .map((line) => JSON.parse(line) as CommitLine)) {
      if (key === "header") titles.push(value.summary ?? "");
      else if (key === "file") model.set(value.path ?? "", Buffer.from(value.content ?? "", "base64"));
      else model.set(value.path ?? "", large.get(value.oid ?? "") ?? new Uint8Array());
    }
    json({ commitOid: NEW_COMMIT, commitUrl: `${endpoint}/${name}/commit/${NEW_COMMIT}`, hookOutput: "" });
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
  return {
    endpoint,
    models,
    created,
    titles,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer); // of a request without an encoding
  return Buffer.concat(parts);
}
