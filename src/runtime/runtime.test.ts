/** Every backend runs graphs alike: values, and what is refused with which words. */

import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { gradients } from "../autodiff/gradients.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { ndarray, toFloat64 } from "../graph/ndarray.ts";
import { cast } from "../ops/compare.ts";
import { add, exp, mul } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import { input } from "../ops/source.ts";
import { RuntimeError, type Backend, type BackendOptions } from "./backend.ts";
import { compile } from "./compile.ts";
import { createBackend } from "./node.ts";

const backends: readonly Backend[] = [
  createBackend({ device: "cpu", threads: 1 }),
  createBackend({ device: "wasm", threads: 1 }),
  createBackend({ device: "reference" }),
];

describe.each(backends)("on $device", (backend) => {
  const product = () =>
    compile(({ x, w }) => ({ y: matmul(x, w), total: sum(x) }), { x: [2, 3], w: [3, 5] }, { backend });
  const feeds = { x: Float32Array.of(1, 2, 3, 4, 5, 6), w: Float32Array.from({ length: 15 }, (_, index) => index) };

  it("runs what was compiled, again and again", async () => {
    await using f = await product();
    for (let count = 0; count < 3; count++) {
      const { y, total } = await f.run(feeds);
      expect(y && [y.shape, [...toFloat64(y)]]).toEqual([
        [2, 5],
        [40, 46, 52, 58, 64, 85, 100, 115, 130, 145],
      ]);
      expect(total && [total.shape, [...toFloat64(total)]]).toEqual([[], [21]]);
    }
  });

  it("says which inputs and outputs a graph has", async () => {
    await using f = await product();
    const types = Object.entries({ ...f.inputs, ...f.outputs }).map(([name, { dtype, shape }]) => [name, dtype, shape]);
    expect(Object.fromEntries(types.map(([name, ...type]) => [name, type]))).toEqual({
      x: ["float32", [2, 3]],
      w: ["float32", [3, 5]],
      y: ["float32", [2, 5]],
      total: ["float32", []],
    });
  });

  it("gives fresh outputs, which later runs leave alone", async () => {
    await using f = await product();
    const { total: first } = await f.run(feeds);
    await f.run({ ...feeds, x: new Float32Array(6) });
    expect(first && [...toFloat64(first)]).toEqual([21]);
  });

  it("takes arrays with a shape as well as plain ones, and parts of longer ones", async () => {
    await using f = await product();
    const { total } = await f.run({
      ...feeds,
      x: ndarray(Float32Array.of(9, 1, 2, 3, 4, 5, 6, 9).subarray(1, 7), [2, 3]),
    });
    expect(total && [...toFloat64(total)]).toEqual([21]);
  });

  it("takes and gives integers and booleans", async () => {
    await using f = await compile(
      ({ table, i, keep }) => ({
        rows: mul(gather(table, i), cast(keep, "float32")),
        i2: add(i, i),
        flags: cast(i, "bool"),
      }),
      { table: [3, 2], i: { shape: [2], dtype: "int32" }, keep: { shape: [2, 1], dtype: "bool" } },
      { backend },
    );
    const { rows, i2, flags } = await f.run({
      table: Float32Array.of(1, 2, 3, 4, 5, 6),
      i: Int32Array.of(2, 0),
      keep: Uint8Array.of(1, 0),
    });
    expect(rows && [...toFloat64(rows)]).toEqual([5, 6, 0, 0]);
    expect(i2?.data).toEqual(Int32Array.of(4, 0));
    expect(flags?.data).toEqual(Uint8Array.of(1, 0));
  });

  it("gives one value to all declarations of an input", async () => {
    await using f = await backend.compile({ outputs: { y: add(input("x", [2]), input("x", [2])) } });
    const { y } = await f.run({ x: Float32Array.of(1, 2) });
    expect(y && [...toFloat64(y)]).toEqual([2, 4]);
  });

  it("gives an input, and one tensor under two names", async () => {
    const x = input("x", [2]);
    const e = exp(x);
    await using f = await backend.compile({ outputs: { same: x, first: e, second: e } });
    const { same, first, second } = await f.run({ x: Float32Array.of(0, 0) });
    expect([same, first, second].map((array) => array && [...toFloat64(array)])).toEqual([
      [0, 0],
      [1, 1],
      [1, 1],
    ]);
  });

  it("runs gradients", async () => {
    await using f = await compile(
      ({ x }) => ({ dx: gradients(sum(mul(x, mul(x, x))), [x])[0] ?? x }),
      { x: [3] },
      { backend },
    );
    const { dx } = await f.run({ x: Float32Array.of(1, 2, -3) });
    expect(dx && [...toFloat64(dx)]).toEqual([3, 12, 27]);
  });

  it.each([
    ["a missing value", { x: feeds.x }, "run: input 'w' (float32[3, 5]) must be given, got nothing"],
    [
      "an unknown name",
      { ...feeds, v: feeds.x },
      "run: feeds must name inputs of the graph, got 'v'; its inputs are 'x', 'w'",
    ],
    [
      "a name of every object",
      { ...feeds, toString: feeds.x },
      "run: feeds must name inputs of the graph, got 'toString'",
    ],
    [
      "too few elements",
      { ...feeds, x: new Float32Array(5) },
      "run: input 'x' must be float32[2, 3] (6 elements), got float32 with 5 elements",
    ],
    [
      "another dtype",
      { ...feeds, x: new Int32Array(6) },
      "run: input 'x' must be float32[2, 3] (6 elements), got int32 with 6 elements",
    ],
    [
      "another shape of the same size",
      { ...feeds, x: ndarray(feeds.x, [3, 2]) },
      "run: input 'x' must be float32[2, 3], got float32[3, 2]",
    ],
  ] as const)("refuses %s", async (_what, wrong, message) => {
    await using f = await product();
    await expect(f.run(wrong)).rejects.toThrow(RuntimeError);
    await expect(f.run(wrong)).rejects.toThrow(message);
  });

  it("refuses to run after dispose, which may be called twice", async () => {
    const f = await product();
    await f.dispose();
    await f.dispose();
    await expect(f.run(feeds)).rejects.toThrow(
      new RuntimeError(problem`run: the graph must not be disposed of before it runs; compile it again`),
    );
  });

  it("refuses a graph without outputs, and two types of one input", async () => {
    await expect(backend.compile({ outputs: {} })).rejects.toThrow(GraphError);
    await expect(backend.compile({ outputs: { y: add(input("x", [2]), input("x", [3, 1])) } })).rejects.toThrow(
      "compile: an input must be declared once or with one type, got 'x' as float32[2] and float32[3, 1]; use one tensor for it",
    );
  });

  it("refuses an output with the name of an input", async () => {
    await expect(backend.compile({ outputs: { x: exp(input("x", [2])) } })).rejects.toThrow(
      "compile: inputs and outputs must have different names, got 'x' for both; rename one",
    );
  });
});

describe("createBackend in Node", () => {
  it("takes the CPU when no device is named", () => {
    expect(createBackend().device).toBe("cpu");
  });

  const cores = availableParallelism();
  it.each([0, -1, 1.5, Number.NaN, cores + 1])("refuses %d threads", (threads) => {
    expect(() => createBackend({ threads })).toThrow(
      new RuntimeError(
        problem`createBackend: threads must be a whole number from 1 to ${cores}, the cores of this process, got
        ${threads}; omit it to use all`,
      ),
    );
  });

  it("refuses a device that nobody has", () => {
    // What a caller without types can pass.
    const options = { device: "abacus" } as unknown as BackendOptions;
    expect(() => createBackend(options)).toThrow(
      new RuntimeError(
        problem`createBackend: device must be 'cpu', 'webgpu', 'wasm' or 'reference' in Node, got 'abacus'; leave it
        out`,
      ),
    );
  });
});

describe("compile", () => {
  it("uses the platform's own backend when none is named", async () => {
    await using f = await compile(({ x }) => ({ y: exp(x) }), { x: [2] });
    const { y } = await f.run({ x: new Float32Array(2) });
    expect(y).toEqual({ dtype: "float32", shape: [2], data: Float32Array.of(1, 1) });
  });

  it("passes on what the function refuses while it is traced", async () => {
    await expect(compile(({ x, w }) => ({ y: matmul(x, w) }), { x: [2, 3], w: [5, 7] })).rejects.toThrow(
      "MatMul: inner lengths of a @ b must agree (3 and 5), got float32[2, 3] and float32[5, 7], at MatMul",
    );
  });
});
