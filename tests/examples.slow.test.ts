/** The examples run as their readers would run them: plain Node on the built package. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { build, isBuilt } from "../scripts/build.mjs";
import { saveOnnx } from "../src/convert/index.ts";
import { createBackend, PerformerForCausalLM } from "../src/index.ts";
import { createDecoder } from "../src/inference/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

async function run(example: string, ...args: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [`examples/${example}.mjs`, ...args], { cwd: root });
  return stdout.trimEnd().split("\n");
}

/** The last number of each line that has one. */
function lastNumbers(lines: readonly string[]): number[] {
  return lines.flatMap(
    (line) =>
      line
        .match(/\d+\.\d+(?=\D*$)/)
        ?.slice(0, 1)
        .map(Number) ?? [],
  );
}

describe("the example", () => {
  beforeAll(async () => {
    if (!isBuilt()) expect(await build(), "the exit code of the build").toBe(0);
  });

  it("favor-attention prints errors that fall with the number of features", async () => {
    const lines = await run("favor-attention");
    const errors = lastNumbers(lines.slice(2));
    expect(errors).toHaveLength(5);
    expect(errors).toEqual(errors.toSorted((a, b) => b - a));
    // 256 times the features: a sixteenth of the error, at the rate 1/√M.
    expect(Number(errors[4]) / Number(errors[0])).toBeLessThan(1 / 4);
  });

  it("graph-language fits its curve", async () => {
    const losses = lastNumbers(await run("graph-language"));
    expect(losses).toHaveLength(6);
    expect(losses[0]).toBeGreaterThan(0.1);
    expect(losses[5]).toBeLessThan(0.01);
  });

  it("retrieval estimates flat softmaxes over 100,000 items, and says what it takes", async () => {
    const lines = await run("retrieval");
    const table = lines.join("\n");
    // Four times the error that the estimates expect of themselves, 0.08.
    expect(Number(/^ +1\.00 +positive +(\d\.\d+)/m.exec(table)?.[1]), table).toBeLessThan(0.32);
    expect(lines.at(-1)).toMatch(/^memory:/);
  });

  it("protein-model learns more than nothing, and loads what it saved", async () => {
    const lines = await run("protein-model");
    const losses = lastNumbers(lines.filter((line) => line.startsWith("step")));
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(Math.log(29));
    expect(lines.find((line) => line.startsWith("validation"))).toMatch(
      /accuracy \d+\.\d %, perplexity \d+\.\d+ of 29$/,
    );
    expect(lines.filter((line) => /^generated: MKV[A-Z]*$/.test(line))).toHaveLength(3);
    expect(lines.at(-1)).toBe("saved, loaded: generates the same sequences");
  });

  it.each([
    ["token by token", false],
    ["the prompt in one run", true],
  ])("onnx-decoding writes with the bare engine what our decoder writes: %s", async (_name, linearAttention) => {
    const { config, tensors, vocabulary } = PerformerForCausalLM.create({
      modelDim: 32,
      numLayers: 2,
      numHeads: 2,
      numFeatures: 16,
      seed: 7,
    });
    const folder = await mkdtemp(join(tmpdir(), "performer-onnx-"));
    try {
      await saveOnnx(folder, { name: "fresh", config, tensors, vocabulary }, { linearAttention });
      const [line] = await run("onnx-decoding", folder, "MKV", "12");
      await using decoder = await createDecoder(config, tensors, createBackend({ threads: 1 }), 1);
      const wanted: number[] = [];
      let logits: Float32Array = new Float32Array(0);
      const read = async (token: number) => (logits = await decoder.next(Int32Array.of(token)));
      for (const token of [vocabulary.bosId, ...vocabulary.encode("MKV")]) await read(token);
      while (wanted.length < 12) {
        const token = logits.indexOf(Math.max(...logits));
        if (token === vocabulary.eosId) break;
        wanted.push(token);
        await read(token);
      }
      expect(wanted.length).toBeGreaterThan(0);
      expect(line).toBe(`MKV → ${wanted.join(" ")}`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("continuous-decoding serves all requests without idle slots, and continues a snapshot to the last bit", async () => {
    const [served, continued] = await run("continuous-decoding");
    const [, tokens, steps] = /^6 requests, (\d+) tokens in (\d+) steps of 4 slots$/.exec(served ?? "") ?? [];
    expect(Number(tokens), served).toBe(90);
    // Side by side, all fetched at once, the longest alone takes 25.
    expect(Number(steps), served).toBeLessThan(50);
    expect(continued).toBe("position 8: the restored sequence goes on as the first");
  });
});
