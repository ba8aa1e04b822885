/** Feature maps of the user's: any function, forward and backward; refused, or told of, where they go wrong. */
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../../graph/tensor.ts";
import { add, exp, log, mul } from "../../../ops/elementwise.ts";
import { concat } from "../../../ops/slicing.ts";
import { createRandom, fillNormal } from "../../../random/index.ts";
import { describeConformance } from "../../../../tests/attention/subjects.ts";
import { favorAttention } from "../../favor-attention.ts";
import { naiveFavor, naiveGeneralized } from "../../../../tests/attention/naive.ts";
import { favorMechanism } from "../favor.ts";
import { arcCosineFeatures, generalizedFeatures } from "./generalized.ts";

const softplus = generalizedFeatures({ name: "softplus", f: (u) => log(add(exp(u), 1)) });
const softplusTwin = naiveGeneralized((u) => Math.log1p(Math.exp(u)));
const sizes = { B: 2, H: 2, D: 5, E: 3, M: 7 };

describe("a function of the user's", () =>
  describeConformance(
    {
      mechanism: favorMechanism(softplus),
      twin: (q, k, v, { projection, ...options }) => naiveFavor(softplusTwin, q, k, v, projection, options),
    },
    {
      causal: { sizes: { ...sizes, L: 71, S: 71 }, causal: true },
      "cross attention": { sizes: { ...sizes, L: 11, S: 37 }, causal: false, realKeys: [37, 17] },
    },
  ));

describe("generalizedFeatures", () => {
  // As callers without types would.
  const untyped = generalizedFeatures as (options?: unknown) => unknown;

  it("warns of features that can be negative, and of no others", () => {
    const said: string[] = [];
    const warn = (message: string) => void said.push(message);
    generalizedFeatures({ name: "square", f: (u) => mul(u, u), kernelEpsilon: 0, warn });
    expect(said).toEqual([]);
    expect(generalizedFeatures({ name: "cube", f: (u) => mul(u, mul(u, u)), warn }).positive).toBe(false);
    expect(said).toEqual([
      expect.stringMatching(/features of 'cube' should not be negative, got -512 at -8\.00; denominators may vanish/),
    ]);
  });

  it.each([
    [
      "computes with numbers",
      { f: (u: unknown) => Math.exp(Number(u)) },
      /'mine' must return a tensor .* got NaN; write mul/,
    ],
    ["gives a number", { f: () => 3 }, /'mine' must return a tensor made by the ops of performer-ts\/ops, got 3/],
    ["changes the shape", { f: (u: Tensor) => concat([u, u], -1) }, /must work element by element and keep the shape/],
    ["is not defined everywhere", { f: log }, /'mine' must be defined everywhere, got NaN at -8; guard its argument/],
    ["is missing", { f: undefined }, /f must be a function of a tensor, got undefined; for example/],
    ["has no name", { name: undefined }, /name must be a word, got undefined/],
    ["has an unknown option", { epsilon: 1 }, /'epsilon' is not an option; did you mean 'kernelEpsilon'\?/],
    ["has a negative epsilon", { kernelEpsilon: -1 }, /kernelEpsilon must be a number from 0 on, got -1/],
  ])("is refused when it %s", (_what, changes, message) => {
    const options = { name: "mine", f: (u: Tensor) => mul(u, u), warn: () => undefined, ...changes };
    expect(() => untyped(options)).toThrow(message);
  });

  it("is told what is missing when it gets nothing", () => {
    expect(() => untyped()).toThrow(/generalizedFeatures: the options must be an object, got undefined/);
  });
});

it("a function that overflows is told of, not passed on as NaN", async () => {
  const rows = { data: fillNormal(createRandom(3), new Float32Array(13 * 5)), dims: [13, 5] };
  const steep = generalizedFeatures({ name: "steep", f: (u) => exp(mul(u, 60)) });
  await expect(favorAttention({ q: rows, k: rows, v: rows }, { mechanism: favorMechanism(steep) })).rejects.toThrow(
    /the output of 'favor-steep' must be finite, got .*, or the map's function overflows: scale them down/,
  );
});

it("favorMechanism and arcCosineFeatures refuse what they cannot be made of", () => {
  expect(() => (favorMechanism as (map: unknown) => unknown)("relu")).toThrow(
    /favorMechanism: map must be a feature map, got 'relu'; take one of featureMaps/,
  );
  expect(() => (arcCosineFeatures as (order: number) => unknown)(3)).toThrow(
    /arcCosineFeatures: order must be 0, 1 or 2, got 3/,
  );
});
