/**
 * `performer score` with a pretrained model of proteins: what the library says of the same residues, and what is
 * refused.
 */

import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { captureOutput, type Captured } from "../../../tests/cli/capture.ts";
import { goldenFolder, loadGolden } from "../../../tests/convert/golden.ts";
import { oneThread } from "../../../tests/e2e/cli.ts";
import { relativeError } from "../../../tests/model/harness.ts";
import { PerformerForMaskedLM } from "../../models/performer-for-masked-lm.ts";
import { scoreCommand } from "../score.ts";

const PROTEIN = "MKVLATGW";
/** One thread here, all there: sums in another order. */
const TOLERANCE = 1e-5;

let output: Captured = { stdout: "", stderr: "" };
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function score(name: string, ...args: string[]): Promise<unknown> {
  await scoreCommand().parseAsync([goldenFolder(name), ...oneThread, ...args, "--json"], { from: "user" });
  return JSON.parse(output.stdout);
}

it("gives the pseudo-log-likelihood of each residue that the library gives", async () => {
  const { sequences } = (await score("esm", "--sequence", PROTEIN)) as {
    readonly sequences: readonly { readonly perResidueNats: readonly number[] }[];
  };
  const { config, tensors, vocabulary } = await loadGolden("esm");
  const model = new PerformerForMaskedLM({ config, tensors, vocabulary, seed: 0 });
  const [expected] = await model.score([PROTEIN]);
  expect(sequences[0]?.perResidueNats).toHaveLength(PROTEIN.length);
  expect(relativeError(sequences[0]?.perResidueNats, expected?.perTokenNats)).toBeLessThan(TOLERANCE);
});

it("scores every mutant, by its letters", async () => {
  const found = (await score("esm", "--sequence", PROTEIN, "--mutants")) as {
    readonly residues: string;
    readonly wildType: string;
    readonly deltaNats: readonly (readonly number[])[];
  };
  expect(found.wildType).toBe(PROTEIN);
  const { config, tensors, vocabulary } = await loadGolden("esm");
  const [own] = await new PerformerForMaskedLM({ config, tensors, vocabulary, seed: 0 }).score([PROTEIN]);
  for (const [place, letter] of Array.from(PROTEIN).entries()) {
    const deltas = found.deltaNats.map((row) => row[place] ?? Number.NaN);
    expect(deltas[found.residues.indexOf(letter)]).toBe(0);
    // Twenty of the 33 tokens: their probabilities together are most of 1, and no more.
    const total = deltas.reduce((sum, delta) => sum + Math.exp(delta + (own?.perTokenNats[place] ?? Number.NaN)), 0);
    expect(total).toBeGreaterThan(0.1);
    expect(total).toBeLessThan(1);
  }
});

it.each([
  ["bert", /must read proteins by their letters, got .*bert, which reads text; use one of proteins/],
  ["vit", /which reads images/],
])("refuses a model of %s", async (name, message) => {
  await expect(score(name, "--sequence", PROTEIN)).rejects.toThrow(message);
});
