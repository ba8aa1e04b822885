/** `performer lab diagnose` on a run that a test can train: its table, its JSON, its picture, and what it refuses. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { captureOutput, type Captured } from "../../../tests/cli/capture.ts";
import { oneThread, tinyFasta, tinyModel } from "../../../tests/e2e/cli.ts";
import { trainCommand } from "../train.ts";
import { labCommand } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-diagnose-"));
const [fasta, run] = [join(folder, "tiny.fasta"), join(folder, "run")];
let output: Captured;

function capture(): void {
  output = captureOutput();
}

const diagnose = async (...args: string[]) =>
  labCommand().parseAsync(["diagnose", run, ...oneThread, ...args], { from: "user" });

beforeAll(async () => {
  writeFileSync(fasta, tinyFasta());
  capture();
  const settings = ["--fasta", fasta, "--out", run, ...oneThread, ...tinyModel, "--set", "steps=3", "--json"];
  await trainCommand().parseAsync(settings, { from: "user" });
  vi.restoreAllMocks();
});

beforeEach(capture);
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("performer lab diagnose", () => {
  it("prints a line for every layer and head, and what follows", async () => {
    await diagnose("--sequences", "2", "--length", "17");
    expect(output.stdout).toMatch(
      /^favor with 7 features, orthogonal rows; 2 sequences of 17 tokens, 8 projections or more an error\n/,
    );
    const rows = output.stdout.split("\n").filter((line) => /^[01] {6}[01] /.test(line));
    expect(rows).toHaveLength(4);
    expect(output.stdout).toMatch(/features needed {2}best map/);
    expect(output.stdout).toMatch(/\n±: the standard error over projections\.\n/);
    expect(rows.every((row) => / \d\S* ± \d/.test(row))).toBe(true);
    expect(output.stdout).toMatch(
      /of exact attention with 7 features|of 4 heads are further than 0\.1 from exact attention/,
    );
  });

  it("prints the same as JSON, and draws exact beside approximate attention", async () => {
    const out = join(folder, "picture");
    await diagnose("--sequences", "2", "--features", "11", "--wanted-error", "0.5", "--json", "--out", out);
    const printed = JSON.parse(output.stdout) as Record<string, unknown>;
    expect(printed).toMatchObject({
      split: "test",
      sequences: 2,
      numFeatures: 11,
      wantedError: 0.5,
      picture: join(out, "attention.svg"),
      layers: [
        { layer: 0, heads: [{ head: 0, numFeatures: 11 }, { head: 1 }] },
        { layer: 1, heads: [{ head: 0 }, { head: 1 }] },
      ],
    });
    expect(printed["tokens"]).toBe(2 * Number(printed["length"]));
    const svg = readFileSync(join(out, "attention.svg"), "utf8");
    expect(svg).toMatch(/^<svg/);
    // Two layers, two heads, exact and approximate; and the scale.
    expect(svg.match(/data:image\/png;base64,/g)).toHaveLength(9);
    expect(output.stderr).toMatch(/lab diagnose/);
  });

  it("says so when there are fewer sequences than asked for", async () => {
    await diagnose("--sequences", "97", "--length", "13", "--fasta", fasta);
    expect(output.stderr).toMatch(/\d sequences of 13 tokens or more are in the data, of 97 asked for/);
  });

  it("refuses what eval refuses, and lengths that no sequence has", async () => {
    const missing = labCommand().parseAsync(["diagnose", join(folder, "none")], { from: "user" });
    await expect(missing).rejects.toThrow(/a run folder is needed, but there is no such folder/);
    await expect(diagnose("--split-by", "hash")).rejects.toThrow(/--split-by must come with --data or --fasta/);
    await expect(diagnose("--length", "999")).rejects.toThrow(
      /a sequence must have 999 residues or more.*at most \d+.*give a smaller --length/,
    );
    await expect(diagnose("--wanted-error", "0")).rejects.toThrow(/must be a number above 0/);
  });
});
