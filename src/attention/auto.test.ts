/** `auto`: exact attention below the crossover, FAVOR+ above it, told in the result, on the same weights. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../random/index.ts";
import { longestExact } from "./auto.ts";
import { favorAttention } from "./favor-attention.ts";

const backend = createBackend({ threads: 1 });
const numFeatures = 6;

function draw(length: number) {
  const random = createRandom(3, "auto", length);
  const array = () => ({ data: fillNormal(random, new Float32Array(length * 4)), dims: [length, 4] });
  return { q: array(), k: array(), v: array() };
}

describe.each([true, false])("causal %s", (causal) => {
  const longest = longestExact({ causal, numFeatures });
  const options = { causal, numFeatures, backend };

  it.each([
    [longest, "exact"],
    [longest + 1, "favor"],
  ] as const)("%i keys: %s", async (length, expected) => {
    const arrays = draw(length);
    const found = await favorAttention(arrays, { ...options, mechanism: "auto" });
    expect(found.mechanism).toBe(expected);
    expect(found.data).toEqual((await favorAttention(arrays, { ...options, mechanism: expected })).data);
  });
});

it("names every other mechanism by its own name", async () => {
  expect((await favorAttention(draw(3), { numFeatures, backend })).mechanism).toBe("favor");
  expect((await favorAttention(draw(3), { mechanism: "favor-relu", backend })).mechanism).toBe("favor-relu");
});
