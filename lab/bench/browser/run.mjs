// `node lab/bench/browser/run.mjs`: attention in a cross-origin isolated page of the system's Chromium, beside its
// matrix products.

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const usage = `node lab/bench/browser/run.mjs [--length TOKENS] [--rounds COUNT] [--threads COUNT] [--json]

Measures bidirectional FAVOR+ forward (8 heads, headDim 64, 256 features) on wasm, in turn with the matrix products that it cannot do
without, in the same page. Needs Chromium; CHROMIUM_PATH names it where it is not on the PATH.

  node lab/bench/browser/run.mjs                     4,096 tokens, 2 threads
  node lab/bench/browser/run.mjs --length 1024 --json`;

/** The manner of the command line: `performer bench`'s own errors read so too. */
const who = "bench browser";

/** @typedef {import("./page.ts").PageBenchResult} PageBenchResult */
/** @typedef {typeof import("../../../tests/browser/harness.ts")} Harness */

/** @param {string[]} args */
function readArguments(args) {
  const { values } = parseArgs({
    args,
    options: {
      length: { type: "string", default: "4096" },
      rounds: { type: "string", default: "9" },
      threads: { type: "string", default: "2" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const count = (/** @type {"length" | "rounds" | "threads"} */ name) => {
    const text = values[name];
    const value = /^\d+$/.test(text) ? Number(text) : 0;
    if (value >= 1 && Number.isSafeInteger(value)) return value;
    throw new RangeError(`--${name} must be a whole number from 1 on, got '${text}'; omit it for its default`);
  };
  return { ...values, seqLen: count("length"), rounds: count("rounds"), threads: count("threads") };
}

async function main() {
  const { seqLen, rounds, threads, json, help } = readArguments(process.argv.slice(2));
  if (help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  // The page, its server and its isolation are those of the browser tests, which are TypeScript.
  const path = fileURLToPath(new URL("../../../tests/browser/harness.ts", import.meta.url));
  const loaded = await runnerImport(path, { configFile: false, logLevel: "error" });
  const { chromiumPath, openBrowser } = /** @type {Harness} */ (loaded.module);
  if (chromiumPath === undefined) {
    process.stderr.write(`${who}: skipped, no Chromium found; install it or set CHROMIUM_PATH to the program\n`);
    return;
  }
  const browser = await openBrowser();
  try {
    const sizes = { numHeads: 8, headDim: 64, numFeatures: 256 };
    const settings = { seqLen, rounds, threads, ...sizes };
    const result = /** @type {PageBenchResult} */ (
      await browser.runInPage("../../lab/bench/browser/page.ts", "benchInPage", settings)
    );
    process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : format(result));
  } finally {
    await browser.close();
  }
}

/** @param {PageBenchResult} result */
function format({ browser, threads, rows }) {
  const lines = rows.map(
    ({ mechanism, seqLen, medianMs, minMs, boundMs, ratioToBound }) =>
      `${mechanism}, bidirectional forward, ${seqLen} tokens: median ${medianMs.toFixed(1)} ms, min ` +
      `${minMs.toFixed(1)} ms, ` +
      `products alone ${boundMs.toFixed(1)} ms, ${ratioToBound.toFixed(2)}× the bound`,
  );
  return `${browser}\nwasm, ${threads} threads\n${lines.join("\n")}\n`;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${who}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof RangeError || (error instanceof TypeError && "code" in error) ? 2 : 1;
}
