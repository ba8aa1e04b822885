/**
 * One graph for all lengths: run at lengths that it was not built for, and refused where graphs differ in more than
 * numbers.
 */

import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { GraphError } from "../../graph/errors.ts";
import { ndarray } from "../../graph/ndarray.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { mean } from "../../ops/composed.ts";
import { cast } from "../../ops/compare.ts";
import { add, mul } from "../../ops/elementwise.ts";
import { gather } from "../../ops/gather.ts";
import { expand, sum } from "../../ops/reduce.ts";
import { reshape, splitAxis, transpose } from "../../ops/layout.ts";
import { scan } from "../../ops/scan.ts";
import { concat, pad, slice } from "../../ops/slicing.ts";
import { constant, full, input } from "../../ops/source.ts";
import { evaluate } from "../../runtime/reference.ts";
import { inputsOf } from "../../graph/inputs.ts";
import { floats } from "../../../tests/convert/onnx.ts";
import { encodeModel } from "../encode.ts";
import { emitDynamic } from "./emit-dynamic.ts";
import type { FreeLength } from "./generalize.ts";

const MOST = 37;
const free = { batch: { input: "x", axis: 0 }, length: { input: "x", axis: 1, most: MOST } };
const BLOCK = 4;
const withBlocks = { ...free, blocks: { blocksOf: "length", blockLength: BLOCK } };

/** Numbers of blocks are those that hold the length, in graphs that are not told them. */
type Build = (x: Tensor, batch: number, length: number, blocks: number) => Tensor;

/** Numbers from −1 to 1 without a pattern. */
const numbers = (count: number) => Float32Array.from({ length: count }, (_, index) => Math.sin(index * index));

async function check(
  build: Build,
  sizes: readonly (readonly [number, number])[],
  lengths: Readonly<Record<string, FreeLength>> = free,
): Promise<void> {
  const graphAt = (batch: number, length: number, blocks = Math.ceil(length / BLOCK)) => ({
    outputs: { y: build(input("x", [batch, length, 3]), batch, length, blocks) },
  });
  const proto = emitDynamic(({ batch = 1, length = 1, blocks }) => graphAt(batch, length, blocks), lengths);
  const session = await ort.InferenceSession.create(encodeModel(proto), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  for (const [batch, length] of sizes) {
    const shape = [batch, length, 3];
    const data = numbers(batch * length * 3);
    const { y } = await session.run({ x: new ort.Tensor("float32", data, shape) });
    const graph = graphAt(batch, length);
    const given = new Map(
      [...inputsOf(graph).values()].flat().map((x) => [x, { shape, data: Float64Array.from(data) }]),
    );
    const [expected] = evaluate([graph.outputs.y], given);
    expect(y?.dims).toEqual(expected?.shape);
    expect(floats(y)).toHaveLength(expected?.data.length ?? -1);
    floats(y).forEach((value, index) => expect(value).toBeCloseTo(expected?.data[index] ?? 0, 4));
  }
  await session.release();
}

const unseen = [
  [1, 1],
  [1, MOST],
  [4, 6],
  [29, 3],
] as const;

const positions = (length: number) =>
  ndarray(
    Float32Array.from({ length: 3 * length }, (_, index) => Math.cos(index)),
    [length, 3],
  );

/** [first, first + step, …] of a shape. */
function counting(shape: readonly number[], step: number, first = 0): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return constant(
    ndarray(
      Int32Array.from({ length: size }, (_, index) => first + index * step),
      shape,
    ),
  );
}

const cases: Readonly<Record<string, Build>> = {
  "shapes of products of lengths": (x, batch, length) => reshape(x, [batch * length, 3]),
  "one length left over, and two": (x, batch, length) => transpose(reshape(x, [3 * batch, 1, length]), [1, 2, 0]),
  "arrays that repeat a number": (x, batch, length) => concat([x, full([batch, length, 1], 0.5)], -1),
  "a length as a number, and its inverse": (x, _batch, length) => mul(mean(x, { axes: [1] }), length),
  "sums over leading axes": (x) => sum(x, { axes: [0] }),
  "tables with a row for each position": (x, _batch, length) => add(x, constant(positions(length))),
  "tables that repeat in every sequence": (x, batch, length) =>
    mul(x, expand(reshape(constant(positions(length)), [1, length, 3]), [batch, length, 3])),
  "numbers that count up by a length": (x, batch, length) =>
    gather(reshape(x, [batch * length, 3]), counting([batch, 1], length, length - 1)),
  "numbers that count down, as many at all lengths": (x, batch, length) =>
    gather(reshape(x, [batch * length, 3]), counting([1, 2, 1], 1 - length, batch * length - 1)),
  "whole numbers of 64 bits that count up": (x, batch) => {
    const rows = ndarray(
      BigInt64Array.from({ length: batch }, (_, row) => BigInt(row)),
      [batch, 1, 1],
    );
    return add(x, cast(constant(rows), "float32"));
  },
  "slices and padding": (x, _batch, length) => slice(pad(x, 1, 2, 1), 1, 1, length + 2),
  "bodies of loops": (x) => {
    const { outputs } = scan<object, { x: Tensor }, { y: Tensor }>({
      carry: {},
      sequences: { x: transpose(x, [1, 0, 2]) },
      body: (_, item) => ({ carry: {}, outputs: { y: mul(item.x, item.x) } }),
    });
    return outputs.y;
  },
};

describe("emitDynamic", () => {
  it.each(Object.entries(cases))("serves lengths that were not built: %s", async (_case, build) => {
    await check(build, unseen);
  });

  const padded = (x: Tensor, length: number, blocks: number) => pad(x, 1, 0, blocks * BLOCK - length);
  it.each<[string, Build]>([
    ["padding", (x, _batch, length, blocks) => sum(splitAxis(padded(x, length, blocks), 1, blocks), { axes: [2] })],
    ["padding, cut off", (x, _batch, length, blocks) => slice(mul(padded(x, length, blocks), 3), 1, 0, length)],
    ["tables", (x, _batch, length, blocks) => add(padded(x, length, blocks), constant(positions(blocks * BLOCK)))],
    [
      "numbers of the first block of each sequence",
      (x, batch, length, blocks) =>
        gather(reshape(padded(x, length, blocks), [batch * blocks, BLOCK * 3]), counting([batch, 1], blocks)),
    ],
    ["a length and its blocks in one number", (x, _batch, length, blocks) => mul(x, length * blocks - 1)],
  ])("serves numbers of blocks that hold a length: %s", async (_case, build) => {
    await check(build, [...unseen, [2, BLOCK], [3, 9 * BLOCK], [1, 9 * BLOCK - 1]], withBlocks);
  });

  it("names free axes, and keeps the others", async () => {
    const proto = emitDynamic(
      ({ batch = 1, length = 1 }) => ({ outputs: { y: reshape(input("x", [batch, length, 3]), [batch * length, 3]) } }),
      free,
    );
    expect(proto.inputs.map(({ dims }) => dims)).toEqual([["batch", "length", 3]]);
    expect(proto.outputs.map(({ dims }) => dims)).toEqual([["batch·length", 3]]);
    const session = await ort.InferenceSession.create(encodeModel(proto), { intraOpNumThreads: 1 });
    expect(session.inputMetadata).toMatchObject([{ name: "x", shape: ["batch", "length", 3] }]);
    expect(session.outputMetadata).toMatchObject([{ name: "y", shape: ["batch·length", 3] }]);
    await session.release();
  });

  const blocks = (x: Tensor, length: number) =>
    splitAxis(pad(x, 1, 0, 16 * Math.ceil(length / 16) - length), 1, Math.ceil(length / 16));
  it.each<[string, Build, RegExp]>([
    ["another number of nodes", (x, _b, length) => (length > 20 ? add(mul(x, x), x) : add(x, x)), /at all lengths/],
    ["other ops", (x, _b, length) => (length > 20 ? mul(x, x) : add(x, x)), /must have the same op .*got Add, .*Mul/],
    [
      "blocks that lengths are rounded up to",
      (x, _b, length) => blocks(x, length),
      /input 1 of Pad#\d+ must be a polynomial/,
    ],
    ["attributes", (x, _b, length) => concat([x, x], length > 20 ? 2 : 1), /attribute 'axis'|polynomial/],
    [
      "tables that are others for longer sequences",
      (x, _b, length) =>
        add(
          x,
          constant(
            ndarray(
              numbers(3 * length).map((value) => value / length),
              [length, 3],
            ),
          ),
        ),
      /must begin as the same table/,
    ],
    [
      "tables with a row for each sequence",
      (x, batch) => add(x, constant(ndarray(numbers(3 * batch), [batch, 1, 3]))),
      /no more entries than tables serve/,
    ],
    [
      "numbers that count up by nothing that can be computed",
      (x, batch, length) => gather(reshape(x, [batch * length, 3]), counting([batch, 1], Math.floor(length / 2))),
      /begin as the same table/,
    ],
    [
      "numbers that count up unevenly",
      (x, batch, length) =>
        gather(
          reshape(x, [batch * length, 3]),
          constant(
            ndarray(
              Int32Array.from({ length: batch }, (_, row) => row * length + (row > 1 ? 1 : 0)),
              [batch, 1],
            ),
          ),
        ),
      /begin as the same table/,
    ],
  ])("refuses %s by the node's name", (_case, build, message) => {
    const emit = () =>
      emitDynamic(
        ({ batch = 1, length = 1 }) => ({ outputs: { y: build(input("x", [batch, length, 3]), batch, length, 0) } }),
        free,
      );
    expect(emit).toThrow(GraphError);
    expect(emit).toThrow(message);
  });

  it("refuses to read a length of what is no input", () => {
    const build = () => ({ outputs: { y: full([2, 3], 1) } });
    expect(() => emitDynamic(build, { batch: { input: "x", axis: 0 } })).toThrow(
      "the length 'batch' must be that of an input of the graph, got 'x'",
    );
  });

  it("refuses blocks of what is no axis, and of one position", () => {
    const build = () => ({ outputs: { y: input("x", [2, 3]) } });
    const axis = { input: "x", axis: 0 };
    const blocks = { blocksOf: "lenght", blockLength: 4 };
    expect(() => emitDynamic(build, { length: axis, blocks })).toThrow(
      "'blocks' must be blocks of the length of an axis, got 'lenght'; those are length",
    );
    expect(() => emitDynamic(build, { length: axis, blocks: { blocksOf: "length", blockLength: 1 } })).toThrow(
      "blockLength of 'blocks' must be a whole number of at least 2, got 1",
    );
  });

  it("refuses tables that are too short to be checked, and three free lengths", () => {
    const build = () => ({ outputs: { y: input("x", [2, 3]) } });
    expect(() => emitDynamic(build, { length: { input: "x", axis: 1, most: 5 } })).toThrow(
      "the greatest 'length' must be at least 16, got 5",
    );
    const axis = { input: "x", axis: 0 };
    expect(() => emitDynamic(build, { a: axis, b: axis, c: axis })).toThrow("at most 2, got a, b, c");
  });
});
