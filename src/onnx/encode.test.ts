/** The protocol-buffers writer, byte by byte, against a model written out by hand after onnx.proto. */

import { describe, expect, it } from "vitest";
import { ndarray } from "../graph/ndarray.ts";
import { encodeModel } from "./encode.ts";
import type { AttributeProto, GraphProto } from "./model.ts";

const bytesOf = (text: string) => [...new TextEncoder().encode(text)];
/** A length-delimited field: its key, its length, its content. */
const field = (number: number, content: readonly number[]) => [number * 8 + 2, content.length, ...content];
/** The same for a nested message, whose length the writer pads to five bytes. */
const message = (number: number, content: readonly number[]) => [
  number * 8 + 2,
  (content.length & 127) | 128,
  (content.length >> 7) | 128,
  128,
  128,
  0,
  ...content,
];
const text = (number: number, value: string) => field(number, bytesOf(value));
const int = (number: number, value: number) => [number * 8, value];
const longInt = (number: number, value: number) => [((number * 8) & 127) | 128, (number * 8) >> 7, value];

const opsets = [
  ...message(8, [...text(1, ""), ...int(2, 21)]),
  ...message(8, [...text(1, "com.microsoft"), ...int(2, 1)]),
];
const model = (graph: readonly number[]) => [
  ...int(1, 10),
  ...text(2, "performer-ts"),
  ...message(7, graph),
  ...opsets,
];
const value = (number: number, name: string, dtype: number, lengths: readonly number[]) =>
  message(number, [
    ...text(1, name),
    ...message(
      2,
      message(1, [
        ...int(1, dtype),
        ...message(
          2,
          lengths.flatMap((length) => message(1, int(1, length))),
        ),
      ]),
    ),
  ]);

const empty: GraphProto = { name: "g", nodes: [], initializers: [], inputs: [], outputs: [] };

function attributeBytes(attribute: AttributeProto): number[] {
  const node = { opType: "Op", name: "n", domain: "", inputs: [], outputs: [], attributes: [attribute] };
  const all = [...encodeModel({ ...empty, nodes: [node] })];
  const header = message(7, message(1, [...text(3, "n"), ...text(4, "Op")])).length;
  const before = [...int(1, 10), ...text(2, "performer-ts")].length + header;
  const behind = [...text(2, "g"), ...opsets].length;
  return all.slice(before + 6, all.length - behind);
}

describe("encodeModel", () => {
  it("writes a tiny model byte for byte", () => {
    const graph: GraphProto = {
      name: "tiny",
      nodes: [
        {
          opType: "Gemm",
          name: "linear#0",
          domain: "com.microsoft",
          inputs: ["x", "w"],
          outputs: ["y"],
          attributes: [{ name: "transB", kind: "int", value: 1 }],
        },
      ],
      initializers: [{ name: "w", array: ndarray(Float32Array.of(1, -2), [1, 2]) }],
      inputs: [{ name: "x", dtype: "float32", shape: [3, 2] }],
      outputs: [{ name: "y", dtype: "float32", shape: [] }],
    };
    const expected = model([
      ...message(1, [
        ...text(1, "x"),
        ...text(1, "w"),
        ...text(2, "y"),
        ...text(3, "linear#0"),
        ...text(4, "Gemm"),
        ...message(5, [...text(1, "transB"), ...int(3, 1), ...longInt(20, 2)]),
        ...text(7, "com.microsoft"),
      ]),
      ...text(2, "tiny"),
      ...message(5, [
        ...int(1, 1),
        ...int(1, 2),
        ...int(2, 1),
        ...text(8, "w"),
        ...field(9, [0, 0, 128, 63, 0, 0, 0, 192]),
      ]),
      ...value(11, "x", 1, [3, 2]),
      ...value(12, "y", 1, []),
    ]);
    expect([...encodeModel(graph)]).toEqual(expected);
  });

  it("writes metadata behind the operator sets", () => {
    expect([...encodeModel(empty, { licence: "Apache-2.0" })]).toEqual([
      ...model(text(2, "g")),
      ...message(14, [...text(1, "licence"), ...text(2, "Apache-2.0")]),
    ]);
  });

  it.each([
    [1, [1]],
    [127, [127]],
    [128, [128, 1]],
    [300, [172, 2]],
    [2 ** 31, [128, 128, 128, 128, 8]],
    [2 ** 40 + 1, [129, 128, 128, 128, 128, 32]],
    [-1, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
    [-128, [128, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
  ] as const)("writes the integer %i in two's complement of 64 bits", (number, bytes) => {
    expect(attributeBytes({ name: "a", kind: "int", value: number })).toEqual([
      ...text(1, "a"),
      24,
      ...bytes,
      ...longInt(20, 2),
    ]);
  });

  it("writes the other kinds of attributes", () => {
    expect(attributeBytes({ name: "a", kind: "float", value: 0.5 })).toEqual([
      ...text(1, "a"),
      21,
      0,
      0,
      0,
      63,
      ...longInt(20, 1),
    ]);
    expect(attributeBytes({ name: "a", kind: "string", value: "add" })).toEqual([
      ...text(1, "a"),
      ...text(4, "add"),
      ...longInt(20, 3),
    ]);
    expect(attributeBytes({ name: "a", kind: "ints", value: [2, 0] })).toEqual([
      ...text(1, "a"),
      64,
      2,
      64,
      0,
      ...longInt(20, 7),
    ]);
    expect(attributeBytes({ name: "a", kind: "graph", value: empty })).toEqual([
      ...text(1, "a"),
      ...message(6, text(2, "g")),
      ...longInt(20, 5),
    ]);
  });

  it("writes names outside ASCII by their length in bytes", () => {
    expect([...encodeModel({ ...empty, name: "φ" })]).toEqual(model([18, 2, 207, 134]));
  });

  it("writes a part of a longer buffer, and buffers larger than the writer's first", () => {
    const data = Float32Array.from({ length: 100_003 }, (_, index) => index).subarray(3);
    const bytes = encodeModel({ ...empty, initializers: [{ name: "w", array: ndarray(data, [100_000]) }] });
    const expected = [...new Uint8Array(data.buffer, data.byteOffset, 8)];
    const start = bytes.findIndex((_, index) => expected.every((byte, offset) => bytes[index + offset] === byte));
    expect(start).toBeGreaterThan(0);
    expect([...new Float32Array(bytes.slice(start, start + 400_000).buffer)]).toEqual([...data]);
  });
});
