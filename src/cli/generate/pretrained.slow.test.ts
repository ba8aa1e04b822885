/** `performer generate` with a pretrained decoder: the likeliest tokens that the library gives, and what is refused. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { captureOutput, type Captured } from "../../../tests/cli/capture.ts";
import { compute, goldenFolder, loadGolden } from "../../../tests/convert/golden.ts";
import { oneThread } from "../../../tests/e2e/cli.ts";
import { logits } from "../../model/performer.ts";
import { generateCommand } from "../generate.ts";

let output: Captured = { stdout: "", stderr: "" };
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function generated(name: string, ...args: string[]): Promise<string> {
  await generateCommand().parseAsync([goldenFolder(name), ...oneThread, ...args], { from: "user" });
  return output.stdout;
}

it("goes on with the token that is likeliest behind the end token and the prompt", async () => {
  const model = await loadGolden("gpt2");
  const { bosId, size } = model.vocabulary;
  const ids = [bosId, ...model.encode("a man is").tokenIds];
  // Held against the original by the golden tests.
  const last = [...(await compute(model, [ids], logits))].slice(-size);
  const likeliest = model.vocabulary.decode([last.indexOf(Math.max(...last))]);
  const document = JSON.parse(
    await generated("gpt2", "--prompt", "a man is", "--tokens", "1", "--temperature", "0", "--json"),
  ) as { readonly samples: readonly { readonly sequence: string; readonly tokens: number }[] };
  expect(document.samples).toMatchObject([{ tokens: 1, sequence: `a man is${likeliest}` }]);
});

it("writes text as text", async () => {
  const text = await generated("gpt2", "--prompt", "a man", "--tokens", "5", "--seed", "3");
  expect(text).toMatch(/^a man.*\n$/s);
  expect(await generated("gpt2", "--prompt", "a man", "--tokens", "5", "--seed", "3")).toBe(text + text);
});

it.each([
  ["bert", [], /must predict the next token, got .*bert, an encoder with head 'none'; use one of model_type gpt2/],
  ["gpt2", ["--novel"], /--novel must come with a model of proteins, got one of text/],
  ["gpt2", ["--tag", "x"], /--tag must come with a model of proteins, got one of text/],
] as const)("refuses %s with %j", async (name, args, message) => {
  await expect(generated(name, ...args)).rejects.toThrow(message);
});
