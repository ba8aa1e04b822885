/**
 * Models by their name on the hub, from a server on this machine: downloaded once, checked, kept whole or not at all.
 */

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { loadPretrained, openSource } from "../../src/convert/index.ts";
import { hub as nodeHub } from "../../src/files/node-hub.ts";
import { hub as webHub } from "../../src/files/web-hub.ts";
import { PerformerForMaskedLM } from "../../src/models/performer-for-masked-lm.ts";
import { goldenFiles, loadGolden } from "./golden.ts";
import { COMMIT, startHub, type HubServer } from "./hub-server.ts";

const NAME = "somebody/tiny-bert";
const unused = { "README.md": new TextEncoder().encode("# Tiny"), "onnx/model.onnx": new Uint8Array(1000) };

let cacheFolder = "";
let files: Record<string, Uint8Array>;
let hub: HubServer;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), "performer-hub-"));
  files = await goldenFiles("bert");
  hub = await startHub(NAME, { ...files, ...unused });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  await rm(cacheFolder, { recursive: true });
});

const load = (name = NAME) => loadPretrained(name, { cacheFolder, endpoint: hub.endpoint });

/** Every file below the cache. */
async function kept(): Promise<readonly string[]> {
  const entries = await readdir(cacheFolder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .toSorted();
}

describe("a model of the hub", () => {
  it("is the same as from its folder, and only what is read of it is downloaded", async () => {
    const told = new Map<string, number>();
    const model = await loadPretrained(NAME, {
      cacheFolder,
      endpoint: hub.endpoint,
      onDownload: ({ path, doneBytes, sizeBytes }) => told.set(path, doneBytes / sizeBytes),
    });
    expect(model.tensors).toEqual((await loadGolden("bert")).tensors);
    const read = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
    expect(await kept()).toEqual([...read, "files.json"].toSorted());
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(read.map((path) => [path, 1])));
  });

  it("is listed and opened in browsers, over HTTP, as by the library in Node", async () => {
    const listed = await webHub.list(NAME, hub.endpoint);
    expect(listed).toEqual(await nodeHub.list(NAME, hub.endpoint));
    const address = { name: NAME, endpoint: hub.endpoint, commit: listed.commit, path: "onnx/model.onnx" };
    for (const client of [webHub, nodeHub]) {
      const stream = await client.open(address);
      expect(new Uint8Array(await new Response(stream).arrayBuffer())).toEqual(new Uint8Array(1000));
    }
    await expect(webHub.list("somebody/other", hub.endpoint)).rejects.toMatchObject({ statusCode: 404 });
  });

  it("may be one that was trained here", async () => {
    await hub[Symbol.asyncDispose]();
    const trained = PerformerForMaskedLM.create({ modelDim: 4, numLayers: 1, numHeads: 1 });
    const { config, model } = trained.toFiles();
    hub = await startHub(NAME, { "config.json": new TextEncoder().encode(config), "model.safetensors": model });
    const loaded = await PerformerForMaskedLM.from_pretrained(NAME, { cacheFolder, endpoint: hub.endpoint });
    expect(loaded.tensors).toEqual(trained.tensors);
  });

  it("needs no connection once it is kept", async () => {
    await load();
    const before = hub.requests.length;
    await load();
    expect(hub.requests).toHaveLength(before);
  });

  it("is looked for where HF_ENDPOINT says, and kept where PERFORMER_CACHE says", async () => {
    vi.stubEnv("HF_ENDPOINT", `${hub.endpoint}/`);
    vi.stubEnv("PERFORMER_CACHE", cacheFolder);
    expect((await loadPretrained(NAME)).modelType).toBe("bert");
    expect(await kept()).toContain("model.safetensors");
    expect(await readdir(join(cacheFolder, "hub", "somebody--tiny-bert"))).toEqual([COMMIT, "files.json"]);
  });

  it("is refused where there is none of that name, and where the hub does not answer", async () => {
    await expect(load("somebody/other")).rejects.toThrow(
      `somebody/other: a public model of that name must be on ${hub.endpoint}, got none (status 404); check the name`,
    );
    const { endpoint } = hub;
    await hub[Symbol.asyncDispose]();
    await expect(load()).rejects.toThrow(`${NAME}: ${endpoint} must answer, got ECONNREFUSED; check the connection`);
    hub = await startHub(NAME, files);
    expect(await kept()).toEqual([]);
  });

  it("keeps nothing of a file that comes cut short, longer or changed, and goes on from there the next time", async () => {
    const weights = files["model.safetensors"] ?? new Uint8Array(0);
    const changed = weights.slice();
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    for (const [bytes, got] of [
      [weights.subarray(0, -7), `${weights.length - 7} of ${weights.length} bytes`],
      [Buffer.concat([weights, new Uint8Array(5)]), `more of ${weights.length} bytes`],
      [changed, `${weights.length} other bytes`],
    ] as const) {
      hub.damaged.set("model.safetensors", bytes);
      await expect(load()).rejects.toThrow(
        `${NAME}/model.safetensors: the download must be what ${hub.endpoint} lists, got ${got}; try again`,
      );
      expect((await kept()).filter((name) => name.includes("safetensors"))).toEqual([]);
    }
    hub.damaged.clear();
    expect((await load()).modelType).toBe("bert");
  });

  it("is refused by name where the list of its files has been edited, and comes again without it", async () => {
    await load();
    const list = join(cacheFolder, "hub", "somebody--tiny-bert", "files.json");
    const good = await readFile(list, "utf8");
    for (const bad of ['{ "files": [] }', good.replace(COMMIT, "main"), good.replace('"git"', '"md5"')]) {
      await writeFile(list, bad);
      await expect(load()).rejects.toThrow(`${list} must list a model's files, got something else; delete`);
    }
    await rm(list);
    expect((await load()).modelType).toBe("bert");
  });

  it("is not looked for where a path is mistyped", async () => {
    await expect(openSource("tests/tiny-bert", { cacheFolder, endpoint: hub.endpoint })).rejects.toThrow(
      "tests/tiny-bert: a folder is needed, but there is no such folder; check the path.",
    );
    expect(hub.requests).toEqual([]);
  });
});
