/** Weights in fewer bits: rounding, blocks, and what the engine makes of them. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { ndarray } from "../graph/ndarray.ts";
import { add } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { linear } from "../ops/matmul.ts";
import { constant, input } from "../ops/source.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { withWeights } from "../runtime/weights.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { emitGraph } from "./emit.ts";
import { initializerBytes, QUANTIZATION_BLOCK, storeWeights } from "./weight-dtype.ts";

/** Widths that no block divides. */
const K = 2 * QUANTIZATION_BLOCK + 7;
const N = 13;
const random = (name: string, size: number) => fillNormal(createRandom(3, name), new Float32Array(size), 1);
const weight = ndarray(random("weight", N * K), [N, K]);
const bias = ndarray(random("bias", N), [N]);
const layer = () => ({ y: linear(input("x", [3, K]), constant(weight), constant(bias)) });

describe.each([
  // 11 bits of fraction; 8 bits of both operands in blocks: half a step of 1/127 of the largest in each.
  ["float16", 1e-3, 2],
  ["int8", 2e-2, 2.5],
] as const)("%s weights", (dtype, tolerance, atMostOneIn) => {
  it("give nearly the same product from a fraction of the bytes", async () => {
    const backend = createBackend();
    const feeds = { x: random("x", 3 * K) };
    await using full = await backend.compile({ outputs: layer() });
    await using stored = await backend.compile({ outputs: layer() }, { dtype });
    const [expected, actual] = [await full.run(feeds), await stored.run(feeds)];
    const error = relativeError(actual["y"]?.data, present(expected["y"]).data);
    expect(error).toBeLessThan(tolerance);
    expect(error).toBeGreaterThan(0);
    expect(stored.constantBytes * atMostOneIn).toBeLessThan(full.constantBytes * 1.05);
  });

  it("give each row the same whatever the others are", async () => {
    const backend = createBackend();
    await using stored = await backend.compile({ outputs: layer() }, { dtype });
    const x = random("x", 3 * K);
    const other = x.map((value, index) => (index < K ? value : 100 * value));
    const rowOf = async (feed: Float32Array) => (await stored.run({ x: feed }))["y"]?.data.slice(0, N);
    expect(await rowOf(other)).toEqual(await rowOf(x));
  });

  it("can be given to graphs that declare them as inputs", async () => {
    const declared = { y: linear(input("x", [3, K]), input("weight", [N, K]), input("bias", [N])) };
    const stored = withWeights(createBackend(), { constants: { weight, bias }, dtype });
    await using fixed = await stored.compile({ outputs: declared });
    await using inside = await createBackend().compile({ outputs: layer() }, { dtype });
    const x = random("x", 3 * K);
    // Weights that are fed all the same are passed over.
    expect((await fixed.run({ x, weight, bias }))["y"]).toEqual((await inside.run({ x }))["y"]);
  });
});

describe("storeWeights", () => {
  it("leaves embeddings of int8 models, and all that is no weight, as they are", () => {
    const table = constant(ndarray(random("table", 5 * K), [5, K]));
    const rows = gather(table, input("ids", [3], "int32"));
    const y = linear(add(rows, constant(ndarray(random("other", 3 * K), [3, K]))), constant(weight), constant(bias));
    const graph = emitGraph({ outputs: { y } });
    const stored = storeWeights(graph, "int8");
    const float32 = stored.initializers.filter(({ array }) => array.dtype === "float32");
    expect(float32.map(({ array }) => array.shape)).toEqual([[5, K], [3, K], [N], [N * 3]]);
    expect(storeWeights(graph, "float32")).toBe(graph);
    expect(initializerBytes(stored)).toBeLessThan(initializerBytes(graph));
  });
});
