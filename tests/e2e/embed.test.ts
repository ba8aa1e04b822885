/**
 * Embeddings by the command line: every format, an interruption by the keyboard that costs nothing, and what is
 * refused.
 */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createWorkplace, digestOfFile, oneThread, parseOnly, tinyFasta, tinyModel, type Finished } from "./cli.ts";

const place = createWorkplace();
const modelDim = 16;

async function succeed(...args: string[]): Promise<Finished> {
  const finished = await place.run(...args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  return stderr;
}

/** Thousands of short proteins: several windows. */
function manyProteins(count: number): string {
  const records = tinyFasta()
    .trimEnd()
    .split(/\n(?=>)/);
  return Array.from({ length: count }, (_, index) =>
    (records[index % records.length] ?? "").replace(/^>P/, `>Q${index}-`),
  ).join("\n");
}

beforeAll(async () => {
  place.write("tiny.fasta", tinyFasta());
  place.write("many.fasta", manyProteins(4200));
  const common = ["--fasta", "tiny.fasta", ...oneThread, ...tinyModel, "--set", "steps=3"];
  await succeed("train", ...common, "--out", "decoder");
  await succeed("train", ...common, "--task", "masked", "--out", "encoder");
});
afterAll(() => place[Symbol.dispose]());

describe("embed", () => {
  it("writes vectors of proteins from a file, and says how many", async () => {
    for (const format of ["parquet", "npy", "jsonl"]) {
      const { stdout } = await succeed(
        "embed",
        "decoder",
        "--fasta",
        "tiny.fasta",
        "--out",
        `all.${format}`,
        ...oneThread,
        "--json",
      );
      expect(parseOnly(stdout)).toMatchObject({ format, sequences: 40, modelDim, pooling: "mean", interrupted: false });
    }
    const lines = readFileSync(place.path("all.jsonl"), "utf8").trimEnd().split("\n");
    const parsed = lines.map((line) => JSON.parse(line) as { id: string; embedding: number[] });
    expect(parsed.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, index) => `P${index}`));
    const array = readFileSync(place.path("all.npy"));
    const numbers = new Float32Array(array.buffer.slice(array.byteOffset + 128, array.byteOffset + array.length));
    expect(Float32Array.from(parsed.flatMap(({ embedding }) => embedding))).toEqual(numbers);
    expect(readdirSync(place.folder).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("prints them where no file is named", async () => {
    const given = ["embed", "encoder", "--sequence", "mkvla", "--sequence", "P00974", ...oneThread];
    const { stdout } = await succeed(...given, "--pooling", "cls");
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { id: string }).id),
    ).toHaveLength(2);
    const { embeddings } = parseOnly((await succeed(...given, "--pooling", "residues", "--json")).stdout) as {
      embeddings: { embedding: number[][] }[];
    };
    expect(embeddings[0]?.embedding.map(({ length }) => length)).toEqual(Array<number>(5).fill(modelDim));
  });

  it("goes on where Ctrl-C has ended it, byte by byte the same", async () => {
    const given = ["embed", "encoder", "--fasta", "many.fasta", ...oneThread];
    await succeed(...given, "--out", "whole.parquet");
    const running = place.start(...given, "--out", "parted.parquet");
    const journal = place.path("parted.parquet.partial.journal");
    // Its first two lines come before the first window.
    while (!existsSync(journal) || readFileSync(journal, "utf8").split("\n").length < 4) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    running.child.kill("SIGINT");
    const { code, stderr } = await running.finished;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /interrupted; parted\.parquet\.partial holds \d,\d{3} sequences, go on with the same command and --resume/,
    );
    expect(existsSync(place.path("parted.parquet"))).toBe(false);

    expect(await refused(...given, "--out", "parted.parquet")).toMatch(/add --resume to go on with it, or --overwrite/);
    const other = (...args: string[]) => refused("embed", ...args, ...oneThread, "--out", "parted.parquet", "--resume");
    expect(await other("decoder", "--fasta", "many.fasta")).toMatch(
      /something else: model was "\w{16}" and is "\w{16}"; give/,
    );
    expect(await other("encoder", "--fasta", "tiny.fasta")).toMatch(
      /something else: input was .*many\.fasta.* and is .*tiny\.fasta/,
    );
    expect(await other("encoder", "--fasta", "many.fasta", "--pooling", "cls")).toMatch(
      /pooling was "mean" and is "cls"/,
    );

    const { stderr: told } = await succeed(...given, "--out", "parted.parquet", "--resume");
    expect(told).toMatch(/parted\.parquet\.partial holds \d,\d{3} sequences; going on behind them/);
    expect(digestOfFile(place.path("parted.parquet"))).toBe(digestOfFile(place.path("whole.parquet")));
  });

  it.each([
    [["embed", "decoder"], /must be given with --sequence or --fasta, got neither/],
    [
      ["embed", "decoder", "--sequence", "MKV", "--pooling", "cls"],
      /'cls' must come with an encoder.*use 'last' or 'mean'/,
    ],
    [
      ["embed", "decoder", "--sequence", "MKV", "--out", "a.csv"],
      /--out must end in \.parquet, \.npy, \.jsonl, got "a\.csv"/,
    ],
    [["embed", "decoder", "--sequence", "MKV", "--resume"], /--resume must come with --out/],
    [["embed", "decoder", "--fasta", "-", "--out", "a.npy", "--resume"], /got a pipe; give a file/],
    [["embed", "decoder", "--fasta", "tiny.fasta", "--out", "all.npy"], /all\.npy must not be there yet, got one/],
  ] as const)("refuses %j", async (args, message) => {
    expect(await refused(...args)).toMatch(message);
  });
});
