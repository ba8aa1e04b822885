/**
 * The packed package through the bundlers that pages are built with, as they come: no warning, no data, and all of it
 * runs.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { PerformerForCausalLM } from "../../src/index.ts";
import { bundlers, viteBuild } from "./bundlers.ts";
import { browserSuite, chromiumPath, type Json } from "./harness.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "performer-bundlers-"));

/** JavaScript beside the engine's that a page with attention loads, gzipped. */
const MAX_BYTES = 70_000;
/** Float32 on two builds of the engine. */
const TOLERANCE = 1e-5;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** A project with the packed package in it, and the package's dependencies as they are here. */
function createProject(): void {
  const packed = spawnSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
  });
  expect(packed.status, packed.stderr).toBe(0);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  const installed = join(folder, "node_modules", "performer-ts");
  mkdirSync(installed, { recursive: true });
  const unpacked = spawnSync("tar", ["xzf", join(folder, tarball), "-C", installed, "--strip-components=1"]);
  expect(unpacked.status).toBe(0);
  const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link, "junction");
  }
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  for (const name of readdirSync(join(root, "tests/browser/bundled"))) {
    cpSync(join(root, "tests/browser/bundled", name), join(folder, name));
  }
}

/** Serves the project's folder, isolated, so that the engine may have threads. */
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const path = join(folder, ...decodeURIComponent(pathname).split("/"));
  try {
    if (!path.startsWith(folder + sep)) throw new Error("outside");
    const bytes = readFileSync(path);
    response.writeHead(200, {
      "Content-Type": types[extname(path)] ?? "application/octet-stream",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
});

let origin: string;
let browser: Browser;

interface Loaded {
  readonly run: (program: string, argument?: Json) => Promise<unknown>;
  /** Gzipped bytes of the JavaScript that was loaded, the engine's left out. */
  readonly scriptBytes: () => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Opens a page of a folder of the project. */
async function open(out: string, entry: string, script: "module" | "defer", prepare?: () => void): Promise<Loaded> {
  const tag = script === "module" ? `<script type="module" src="${entry}">` : `<script defer src="${entry}">`;
  writeFileSync(join(folder, out, "index.html"), `<!doctype html><title>test</title>${tag}</script>`);
  const context = await browser.newContext();
  const page = await context.newPage();
  if (prepare !== undefined) await page.addInitScript(prepare);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  const scripts = new Map<string, Promise<Buffer>>();
  page.on("response", (answer) => {
    if (/\.m?js$/.test(new URL(answer.url()).pathname)) scripts.set(answer.url(), answer.body());
  });
  await page.goto(`${origin}/${out}/index.html`);
  return {
    run: async (program, argument = null) => {
      const call = `programs[${JSON.stringify(program)}](${argument === null ? "" : JSON.stringify(argument)})`;
      const result: unknown = await page.evaluate(call).catch((error: unknown) => {
        throw new Error(`${program}: ${[error instanceof Error ? error.message : error, ...errors].join("\n")}`);
      });
      expect(errors).toEqual([]);
      return result;
    },
    scriptBytes: async () => {
      const bodies = await Promise.all(scripts.values());
      const own = bodies.filter((body) => !body.includes("ort-wasm-simd-threaded"));
      expect(own.length).toBeLessThan(bodies.length);
      return own.reduce((sum, body) => sum + gzipSync(body).length, 0);
    },
    close: () => context.close(),
  };
}

/** What a page of the package does, in the page or through a worker. */
async function expectAllToRun(run: Loaded["run"], inNode: { readonly lossNats: number }): Promise<void> {
  const losses = (await run("saveAndLoad")) as readonly [number, number][]; // what the program returns
  expect(losses).toHaveLength(2);
  for (const [before, after] of losses) expect(after).toBe(before);
  expect(losses[1]?.[0]).toBeLessThan(losses[0]?.[0] ?? 0);
  expect(await run("loadAddress", { address: `${origin}/model` })).toBeCloseTo(inNode.lossNats, 4);
  const { same, ...resumed } = (await run("trainAndResume")) as { same: readonly [unknown, unknown] }; // as it returns
  expect(resumed).toEqual({
    interrupted: true,
    from: 2,
    saved: 5,
    names: ["checkpoint-5", "config.json", "model.safetensors"],
  });
  expect(same[1]).toEqual(same[0]);
  expect(await run("proteins", { dataUrl: `${origin}/node_modules/performer-ts/data` })).toBeGreaterThan(1000);
  const refusals = (await run("refusals", { origin })) as readonly string[]; // as it returns
  expect(refusals[0]).toMatch(/^StorageError: models\/none.*(not found|no such).*(storage|check the path)/);
  expect(refusals[1]).toMatch(/^StorageError: http.*\/none\/config\.json: not found/);
  expect(refusals[2]).toMatch(/config\.json.*JSON/);
  expect(refusals[3]).toMatch(/swissprot-families\.fasta.*dataUrl/);
}

describe.skipIf(chromiumPath === undefined)(browserSuite("the package in bundles"), () => {
  let inNode: { readonly lossNats: number };
  let attended: readonly number[];
  beforeAll(async () => {
    createProject();
    await new Promise<void>((resolve) => void server.listen(0, "localhost", resolve));
    const { port } = server.address() as AddressInfo; // it listens on a port
    origin = `http://localhost:${port}`;
    browser = await chromium.launch({ executablePath: chromiumPath ?? "", args: ["--no-sandbox", "--disable-gpu"] });
    const model = PerformerForCausalLM.create({
      modelDim: 8,
      numLayers: 1,
      numHeads: 1,
      numFeatures: 3,
      maxSeqLen: 16,
      seed: 11,
    });
    await model.save_pretrained(join(folder, "model"));
    inNode = await model.evaluate(["MKVLA", "MKVV", "MLKA"]);
    const { attend } = await import("./bundled/small.js");
    attended = (await attend()).data;
  });
  afterAll(async () => {
    await browser?.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const expectAttention = (result: unknown) => {
    const { data } = result as { readonly data: readonly number[] }; // what the program returns
    expect(data).toHaveLength(attended.length);
    data.forEach((value, i) => expect(Math.abs(value - (attended[i] ?? Number.NaN))).toBeLessThan(TOLERANCE));
  };

  it.each(Object.entries(bundlers))("takes one function through %s, small and without data", async (name, bundler) => {
    const out = `out-${name}-small`;
    mkdirSync(join(folder, out));
    const said = await bundler.build({ folder, entry: "small.js", out: join(folder, out), base: `/${out}/` });
    expect(said).toEqual([]);
    const names = readdirSync(join(folder, out), { recursive: true, encoding: "utf8" });
    expect(names.filter((each) => !/\.(m?js|wasm|LICENSE\.txt)$|^assets$/.test(each))).toEqual([]);
    const page = await open(out, "small.js", bundler.script);
    expectAttention(await page.run("attend"));
    const bytes = await page.scriptBytes();
    await page.close();
    expect(bytes).toBeGreaterThan(MAX_BYTES / 4);
    expect(bytes, `${name}: ${bytes} bytes`).toBeLessThan(MAX_BYTES);
  });

  it.each(Object.entries(bundlers))(
    "runs whole through %s: attends, trains, saves, loads, resumes",
    async (name, bundler) => {
      const out = `out-${name}`;
      mkdirSync(join(folder, out));
      const said = await bundler.build({ folder, entry: "page.js", out: join(folder, out), base: `/${out}/` });
      expect(said).toEqual([]);
      const page = await open(out, "page.js", bundler.script);
      expectAttention(await page.run("attend", {}));
      await expectAllToRun(page.run, inNode);
      await page.close();
    },
  );

  it("says what to do where the browser refuses storage", async () => {
    const refused = await open("out-vite", "page.js", "module", () => {
      StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException("denied", "SecurityError"));
    });
    expect(await refused.run("saveRefused")).toMatch(/refuses this page storage.*denied.*toFiles\(\)/);
    await refused.close();
    const absent = await open("out-vite", "page.js", "module", () => {
      Object.defineProperty(navigator, "storage", { value: undefined });
    });
    expect(await absent.run("saveRefused")).toMatch(/no storage for files.*https.*toFiles\(\)/);
    await absent.close();
  });

  it("runs whole in an isolated worker of Vite, and with threads where the engine has a file of its own", async () => {
    for (const [out, workerFormat] of [["out-worker"], ["out-worker-es", "es"]] as const) {
      mkdirSync(join(folder, out));
      const project = { folder, entry: "worker-page.js", out: join(folder, out), base: `/${out}/` };
      expect(await viteBuild({ ...project, ...(workerFormat && { workerFormat }) })).toEqual([]);
      const page = await open(out, "worker-page.js", "module");
      const run = (name: string, argument: Json = null) => page.run("inWorker", { name, argument });
      expectAttention(await run("attend", workerFormat === "es" ? { threads: 2 } : {}));
      await expectAllToRun(run, inNode);
      await page.close();
    }
  });
});
