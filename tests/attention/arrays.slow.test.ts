/** Every mechanism on plain arrays, with options, projections and trained arrays of one's own, masks and gradients. */
import { createBackend } from "#engine";
import { describe, expect, expectTypeOf, it } from "vitest";
import { attention, attentionGradients, type ArrayAttentionOptions } from "../../src/attention/index.ts";
import { createMechanism, type MechanismChoice } from "../../src/attention/choice.ts";
import { mechanisms, type MechanismName } from "../../src/attention/mechanisms.ts";
import { gradients } from "../../src/autodiff/index.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { mean, square } from "../../src/ops/index.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import { compile } from "../../src/runtime/index.ts";

const sizes = { L: 41, H: 2, D: 6 } as const;
const backend = createBackend();

function draw(seed: number, L: number = sizes.L): NdArray {
  const width = sizes.H * sizes.D;
  return ndarray(fillNormal(createRandom(seed, "arrays"), new Float32Array(L * width)), [L, width]);
}

const arrays = { q: draw(1), k: draw(2), v: draw(3) };
const edges = Array.from({ length: 80 }, (_, edge): [number, number] => [(edge * 7) % 41, (edge * 11) % 41]);
/** Options that suit a sequence so short. */
const needed: Readonly<Partial<Record<MechanismName, object>>> = {
  nystrom: { numLandmarks: 7 },
  local: { window: 8 },
  longformer: { window: 8, globalTokens: 1 },
  "sparse-strided": { stride: 8 },
  "sparse-fixed": { stride: 8 },
  bigbird: { blockSize: 4 },
  "transformer-xl": { segmentLength: 8, memoryLength: 8, memoryGradient: true },
  reformer: { numBuckets: 4, window: 8 },
  routing: { numClusters: 3, window: 8 },
  linformer: { projectedLength: 13 },
  graph: { edges },
  gat: { edges },
};
const names = Object.keys(mechanisms) as readonly MechanismName[]; // the table's own keys
const choiceOf = (name: MechanismName): MechanismChoice => (needed[name] ? { name, ...needed[name] } : name);
const useOf = (causal: boolean) => ({ causal, cross: false, maxSeqLen: sizes.L, numHeads: sizes.H, headDim: sizes.D });

function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  return Math.max(...Array.from(actual, (value, index) => Math.abs(value - (expected[index] ?? Number.NaN))));
}

describe.each(names)("%s", (name) => {
  const choice = choiceOf(name);
  const causal = createMechanism(choice).refuse?.(useOf(false)) !== undefined;

  it("attends on arrays, with a mask and with gradients", async () => {
    const keyMask = Array.from({ length: sizes.L }, (_, key) => key < 37);
    const options = { mechanism: choice, numHeads: sizes.H, numFeatures: 16, causal, keyMask, backend };
    const { data, dims } = await attention(arrays, options);
    expect(dims).toEqual([sizes.L, sizes.H * sizes.D]);
    expect(data.every(Number.isFinite)).toBe(true);
    // Padding counts for nothing.
    const v = { ...arrays.v, data: Float32Array.from(arrays.v.data as Float32Array).fill(9, 37 * sizes.H * sizes.D) };
    const seen = 37 * sizes.H * sizes.D;
    const { data: other } = await attention({ ...arrays, v }, options);
    expect(difference(other.subarray(0, seen), data.subarray(0, seen))).toBeLessThan(1e-5);

    const found = await attentionGradients({ ...arrays, dOut: draw(4) }, { ...options, segmentLength: 0 });
    expect(difference(found.out.data, data)).toBeLessThan(1e-5);
    // d(Σ out·dOut) along a direction, by central differences of float32 outputs.
    const step = 0.02;
    const direction = draw(5).data as Float32Array;
    const dOut = draw(4).data as Float32Array;
    const lossAt = async (sign: number) => {
      const moved = {
        ...arrays.v,
        data: (arrays.v.data as Float32Array).map((x, i) => x + sign * step * Number(direction[i])),
      };
      const { data: out } = await attention({ ...arrays, v: moved }, options);
      return out.reduce((total, value, i) => total + value * Number(dOut[i]), 0);
    };
    const measured = ((await lossAt(1)) - (await lossAt(-1))) / (2 * step);
    const expected = found.dv.data.reduce((total, value, i) => total + value * Number(direction[i]), 0);
    // Linear in v, so that the step may be large; 5e-4 is float32 over some 500 terms.
    expect(Math.abs(measured - expected)).toBeLessThan(5e-4 * Math.max(10, Math.abs(expected)));
  });
});

it("takes options: a window of 8 is not the default", async () => {
  const options = { numHeads: sizes.H, causal: true, backend };
  const { data } = await attention(arrays, { ...options, mechanism: { name: "local", window: 8 } });
  const { data: all } = await attention(arrays, { ...options, mechanism: { name: "local", window: sizes.L } });
  const { data: exact } = await attention(arrays, { ...options, mechanism: "exact" });
  expect(difference(all, exact)).toBeLessThan(1e-5);
  const row = sizes.H * sizes.D;
  expect(difference(data.subarray(0, 8 * row), exact.subarray(0, 8 * row))).toBeLessThan(1e-5);
  expect(difference(data.subarray(12 * row), exact.subarray(12 * row))).toBeGreaterThan(0.01);
});

it("takes mechanisms for some of the heads, and one of the caller's", async () => {
  const options = { numHeads: sizes.H, causal: true, numFeatures: 16, seed: 3, backend };
  const heads = {
    heads: [
      { name: "local", window: 8, numHeads: 1 },
      { name: "favor", numHeads: 1 },
    ],
  } as const;
  const mixed = await attention(arrays, { ...options, mechanism: heads });
  expect(mixed.dims).toEqual([sizes.L, sizes.H * sizes.D]);
  const own = await attention(arrays, { ...options, mechanism: createMechanism({ name: "local", window: 8 }) });
  const first = (data: Float32Array) => data.filter((_, index) => index % (sizes.H * sizes.D) < sizes.D);
  expect(difference(first(mixed.data), first(own.data))).toBeLessThan(1e-5);
});

it("takes a projection of one's own", async () => {
  const drawing = { headDim: sizes.D, numFeatures: 16, numHeads: sizes.H };
  const { projection = ndarray(new Float32Array(0), [0]) } =
    mechanisms.favor.initialise(createRandom(9, "projection"), drawing) ?? {};
  const options = { numHeads: sizes.H, causal: true, backend };
  const drawn = await attention(arrays, { ...options, seed: 9, numFeatures: 16 });
  const own = await attention(arrays, { ...options, projection });
  expect(difference(own.data, drawn.data)).toBe(0);
  const rows = Array.from({ length: 16 }, (_, row) =>
    Array.from(projection.data as Float32Array).slice(row * 6, row * 6 + 6),
  );
  expect(difference((await attention(arrays, { ...options, projection: rows })).data, drawn.data)).toBe(0);
  const found = await attentionGradients({ ...arrays, dOut: draw(4) }, { ...options, projection });
  expect(difference(found.out.data, drawn.data)).toBeLessThan(1e-6);
});

it("takes trained arrays, and draws others by the seed", async () => {
  const { centroids } =
    createMechanism({ name: "routing", numClusters: 3 }).parameters?.({
      numHeads: sizes.H,
      headDim: sizes.D,
      maxSeqLen: sizes.L,
    }) ?? {};
  const shape = centroids?.shape ?? [];
  const options = {
    mechanism: { name: "routing", numClusters: 3, window: 8 },
    numHeads: sizes.H,
    causal: true,
    backend,
  } as const;
  const zero = { data: new Float32Array(shape.reduce((a, b) => a * b, 1)), dims: shape };
  const [drawn, again, own] = await Promise.all([
    attention(arrays, { ...options, seed: 3 }),
    attention(arrays, { ...options, seed: 3 }),
    attention(arrays, { ...options, parameters: { centroids: zero } }),
  ]);
  expect(difference(drawn.data, again.data)).toBe(0);
  expect(own.data.every(Number.isFinite)).toBe(true);
});

it("takes windows that are longer than the sequence as exact attention, and refuses positions that a mechanism cannot have", async () => {
  const options = { numHeads: sizes.H, causal: true, backend };
  const { data } = await attention(arrays, { ...options, mechanism: "local" });
  expect(difference(data, (await attention(arrays, { ...options, mechanism: "exact" })).data)).toBeLessThan(1e-5);
  const short = { name: "cosformer", maxLength: 40 } as const;
  await expect(attention(arrays, { ...options, mechanism: short })).rejects.toThrow(
    /attention: .*maxLength|maxLength.*41/,
  );
});

describe("refuses", () => {
  const numHeads = sizes.H;
  it.each<[ArrayAttentionOptions, RegExp]>([
    [{ mechanism: { name: "local", windw: 8 } }, /attention: 'windw' .*did you mean 'window'|windw.*window/],
    [
      { mechanism: "locl" as never },
      /attention: mechanism must be one of the table, got 'locl'; did you mean 'local'\?/,
    ],
    [{ mechanism: "linformer", causal: true, numHeads }, /attention: .*causal/],
    [
      { mechanism: { name: "local", window: 8 }, projection: [[1, 2, 3, 4, 5, 6]], numHeads },
      /projection must come with a mechanism that has one, got one for 'local'/,
    ],
    [
      { projection: [[1, 2, 3]], numHeads },
      /projection must have sizes \[numFeatures, 6\] or \[2, numFeatures, 6\], got \[1 3\]/,
    ],
    [{ projection: [[1, 2, 3, 4, 5, NaN]], numHeads }, /projection must hold finite numbers, .*got NaN/],
    [{ projection: [[1, 2, 3, 4, 5, 6]], numFeatures: 2, numHeads }, /stand alone, got 1 rows and numFeatures 2/],
    [{ parameters: { centroids: [[1]] } }, /parameters of 'favor' must be its own, got 'centroids'; it has none/],
    [
      { mechanism: { name: "routing", window: 8 }, parameters: { centroids: [[1]] }, numHeads },
      /'centroids' of 'routing' must have sizes .*got \[1 1\]/,
    ],
  ])("%j", async (options, message) => {
    await expect(attention(arrays, options)).rejects.toThrow(message);
  });
});

describe("types", () => {
  it("know the results of a compiled function, and how many gradients there are", async () => {
    await using step = await compile(
      ({ x, w }) => {
        const loss = mean(square(x));
        const found = gradients(loss, [x]);
        expectTypeOf(found).toEqualTypeOf<[Tensor]>();
        return { loss, dx: found[0], w2: square(w) };
      },
      { x: [2, 3], w: [2] },
    );
    const results = await step.run({ x: new Float32Array(6), w: new Float32Array(2) });
    expectTypeOf(results).toEqualTypeOf<{ loss: NdArray; dx: NdArray; w2: NdArray }>();
    // @ts-expect-error there is no such result
    expect(results.typo).toBeUndefined();
    expect(Object.keys(results).toSorted()).toEqual(["dx", "loss", "w2"]);
  });
});
