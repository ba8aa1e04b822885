/** Tables of int8: a quarter of the bytes, rows within half a step, and untouched where they are read otherwise. */

import { describe, expect, it } from "vitest";
import * as ort from "onnxruntime-node";
import { ndarray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { gather } from "../ops/gather.ts";
import { matmul } from "../ops/matmul.ts";
import { constant, input } from "../ops/source.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { floats } from "../../tests/convert/onnx.ts";
import { emitGraph } from "./emit.ts";
import { encodeModel } from "./encode.ts";
import { quantizeLookups } from "./quantized-lookups.ts";
import { initializerBytes } from "./weight-dtype.ts";

const [rows, width] = [1031, 71];
const values = fillNormal(createRandom(7, "table"), new Float32Array(rows * width));
// A row of zeros has no scale, and one of large numbers must not touch the others.
values.fill(0, 3 * width, 4 * width);
values.forEach((value, index) => Math.floor(index / width) === 5 && (values[index] = 1e6 * value));
const table = constant(ndarray(values, [rows, width]));
const ids = input("ids", [4], "int32");

describe("quantizeLookups", () => {
  it("keeps every number of a row within half a step of 127", async () => {
    const plain = emitGraph({ outputs: { y: gather(table, ids) } });
    const graph = quantizeLookups(plain);
    expect(initializerBytes(graph)).toBe(rows * width + 4 * rows);
    const session = await ort.InferenceSession.create(encodeModel(graph), { intraOpNumThreads: 1 });
    const chosen = [0, 3, 5, rows - 1];
    const { y } = await session.run({ ids: new ort.Tensor("int32", Int32Array.from(chosen), [4]) });
    await session.release();
    chosen.forEach((row, at) => {
      const wanted = values.subarray(row * width, (row + 1) * width);
      const found = floats(y).subarray(at * width, (at + 1) * width);
      const step = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
      wanted.forEach((value, i) =>
        expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(0.501 * step),
      );
    });
  });

  it.each<[string, Tensor]>([
    ["a table that is an output layer too", matmul(gather(table, ids), table, { transposeB: true })],
    ["a small table", gather(constant(ndarray(values.subarray(0, 710), [10, width])), ids)],
  ])("leaves %s", (_case, y) => {
    const graph = emitGraph({ outputs: { y } });
    expect(quantizeLookups(graph)).toEqual(graph);
  });
});
