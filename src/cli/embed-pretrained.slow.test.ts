/**
 * `performer embed` with pretrained models: texts and proteins as vectors, the folder's own pooling, and what is
 * refused.
 */

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";

import { runVerb } from "../../tests/cli/run-verb.ts";
import { goldenFiles, goldenFolder, readGolden } from "../../tests/convert/golden.ts";
import { startHub } from "../../tests/convert/hub-server.ts";
import { createWorkplace, oneThread, parseOnly, tinyModel } from "../../tests/e2e/cli.ts";
import { embedCommand } from "./embed.ts";
import { trainCommand } from "./train.ts";

const place = createWorkplace();
const bert = goldenFolder("bert");

interface Document {
  readonly embeddings: readonly { readonly id: string; readonly embedding: readonly number[] }[];
}

async function succeed(...args: string[]) {
  const finished = await runVerb(place.folder, embedCommand(), ...args, ...oneThread);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

afterAll(() => place[Symbol.dispose]());

describe("embed with a pretrained model", () => {
  it("gives texts the mean of the original's states, under names of their own", async () => {
    const { texts, inputIds, shape, lastHiddenState } = await readGolden("bert");
    place.write("lines.txt", `${texts[1]}\n\n`);
    const { stdout } = await succeed(bert, "--text", texts[0] ?? "", "--file", "lines.txt", "--json");
    const { embeddings } = parseOnly(stdout) as Document;
    expect(embeddings.map(({ id }) => id)).toEqual(["text 1", "line 1", "line 2"]);
    const [, length, width] = shape;
    inputIds.slice(0, 2).forEach((ids, row) => {
      for (let column = 0; column < width; column++) {
        const values = ids.map((_, at) => lastHiddenState[(row * length + at) * width + column] ?? Number.NaN);
        const mean = values.reduce((sum, value) => sum + value, 0) / ids.length;
        expect(embeddings[row]?.embedding[column]).toBeCloseTo(mean, 4);
      }
    });
  });

  it("writes files, counts texts and tokens, and tells which texts are cut", async () => {
    place.write("long.txt", `a man\n${Array<string>(40).fill("bread").join(" ")}\n`);
    const { stdout, stderr } = await succeed(bert, "--file", "long.txt", "--out", "long.jsonl", "--json");
    expect(parseOnly(stdout)).toMatchObject({
      files: ["long.jsonl"],
      texts: 2,
      truncated: 1,
      tokens: 4 + 19,
      modelDim: 12,
    });
    expect(stderr).toContain(
      "1 of 2 texts is longer than the 19 tokens that the model reads; what is behind them is left out (line 2: 23 tokens)",
    );
    expect(readFileSync(place.path("long.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(2);
  });

  it("takes proteins where the model was trained on them, a vector a residue too", async () => {
    const { texts, shape, lastHiddenState } = await readGolden("esm");
    const sequence = texts[0] ?? "";
    const { stdout } = await succeed(goldenFolder("esm"), "--sequence", sequence, "--pooling", "residues");
    const { embedding } = parseOnly(stdout) as { readonly embedding: readonly (readonly number[])[] };
    expect(embedding).toHaveLength(sequence.length);
    // <cls> stands in front of the first residue.
    embedding[0]?.forEach((value, column) => expect(value).toBeCloseTo(lastHiddenState[shape[2] + column] ?? 0, 4));
  });

  it("reads texts with a run that was trained on text as well", async () => {
    place.write("book.txt", "It is a truth universally acknowledged.\n".repeat(40));
    const model = [...tinyModel, "--set", "steps=3", "--set", "model.maxSeqLen=32"];
    await runVerb(place.folder, trainCommand(), "--data", "book.txt", ...model, "--out", "reader", ...oneThread);
    const { stdout } = await succeed("reader", "--text", "a truth", "--json");
    expect((parseOnly(stdout) as Document).embeddings[0]?.embedding).toHaveLength(16);
  });

  it("downloads a model by its name, once, and tells how far it is", async () => {
    const name = "somebody/tiny-bert";
    await using hub = await startHub(name, await goldenFiles("bert"));
    vi.stubEnv("HF_ENDPOINT", hub.endpoint);
    vi.stubEnv("PERFORMER_CACHE", place.path("cache"));
    try {
      const first = await succeed(name, "--text", "a man", "--json");
      expect(first.stderr).toContain("download model.safetensors");
      const asked = hub.requests.length;
      const second = await succeed(name, "--text", "a man", "--json");
      expect(second.stdout).toBe(first.stdout);
      expect(second.stderr).not.toContain("download");
      expect(hub.requests).toHaveLength(asked);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("refuses what the model does not read, naming the way out", async () => {
    const refused = async (code: number, ...args: string[]) => {
      const { stderr, ...finished } = await runVerb(place.folder, embedCommand(), ...args);
      expect({ ...finished, stderr }).toMatchObject({ code, stdout: "" });
      return stderr;
    };
    expect(await refused(2, bert, "--sequence", "MKV")).toContain(
      `--sequence must come with a model of proteins, got ${bert}, which reads text; use --text or --file`,
    );
    expect(await refused(2, goldenFolder("esm"), "--text", "MKV")).toContain("use --sequence or --fasta");
    expect(await refused(2, bert)).toContain("the texts must be given with --text or --file, got neither");
    expect(await refused(2, bert, "--text", "a", "--pooling", "last")).toContain("'last' must come with a decoder");
    expect(await refused(1, bert, "--file", "none.txt")).toContain("none.txt");
  });
});
