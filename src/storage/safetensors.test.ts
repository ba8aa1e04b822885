import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { NdArray } from "../graph/ndarray.ts";
import { StorageError } from "./errors.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

const name = "model.safetensors";

/** Bytes of a file with this header text and data, as the format's description says. */
function fileOf(header: unknown, data: readonly number[] = []): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/**
 * Written by the Python package safetensors 0.5+ (safetensors.numpy.save) from weight float32 [[1.5, -2]], mask bool
 * [true, false, true], ids int64 [-1, 2], metadata {"format": "pt"}; the numbers of the data are spelled out byte by
 * byte.
 */
const goldenHeader =
  '{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},' +
  '"weight":{"dtype":"F32","shape":[1,2],"data_offsets":[16,24]},"mask":{"dtype":"BOOL","shape":[3],"data_offsets":[24,27]}}';
// prettier-ignore
const golden = new Uint8Array([
  0xd8, 0, 0, 0, 0, 0, 0, 0, // 216 = 209 characters of JSON + 7 spaces
  ...new TextEncoder().encode(`${goldenHeader}       `),
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, // -1, 2
  0x00, 0x00, 0xc0, 0x3f, 0x00, 0x00, 0x00, 0xc0, // 1.5, -2
  1, 0, 1,
]);
const goldenTensors: Record<string, NdArray> = {
  weight: { dtype: "float32", shape: [1, 2], data: new Float32Array([1.5, -2]) },
  mask: { dtype: "bool", shape: [3], data: new Uint8Array([1, 0, 1]) },
  ids: { dtype: "int64", shape: [2], data: new BigInt64Array([-1n, 2n]) },
};

const arrayOf = {
  float32: (values: readonly number[]) => new Float32Array(values),
  float64: (values: readonly number[]) => new Float64Array(values),
  int32: (values: readonly number[]) => new Int32Array(values),
  int64: (values: readonly number[]) => new BigInt64Array(values.map((value) => BigInt(Math.trunc(value)))),
  bool: (values: readonly number[]) => new Uint8Array(values.map((value) => (value > 0 ? 1 : 0))),
};
const tensor: fc.Arbitrary<NdArray> = fc
  .record({
    dtype: fc.constantFrom("float32", "float64", "int32", "int64", "bool"),
    shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
    seed: fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { minLength: 1, maxLength: 7 }),
  })
  .map(({ dtype, shape, seed }) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const values = Array.from({ length: size }, (_, index) => seed[index % seed.length] ?? 0);
    return { dtype, shape, data: arrayOf[dtype](values) };
  });
const tensorName = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("blocks.3.attention.query.weight", "10", "__proto__"),
);
const tensors = fc.array(fc.tuple(tensorName, tensor), { maxLength: 7 }).map((entries) => Object.fromEntries(entries));
const metadata = fc
  .array(fc.tuple(tensorName, fc.string({ unit: "binary" })), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries));

describe("encodeSafetensors", () => {
  test("writes the same bytes as the reference implementation", () => {
    expect(encodeSafetensors(goldenTensors, { format: "pt" })).toEqual(golden);
  });

  test("writes the same bytes whatever order the tensors are named in", () => {
    const reversed = Object.fromEntries(Object.entries(goldenTensors).toReversed());
    expect(encodeSafetensors(reversed, { b: "2", a: "1" })).toEqual(
      encodeSafetensors(goldenTensors, { a: "1", b: "2" }),
    );
  });

  test("refuses data that does not fill the shape, is of another dtype, or takes the reserved name", () => {
    const data = new Float32Array(5);
    expect(() => encodeSafetensors({ w: { dtype: "float32", shape: [2, 3], data } })).toThrow(
      /shape \[2, 3\] holds 6 values, got 5/,
    );
    expect(() => encodeSafetensors({ w: { dtype: "int32", shape: [5], data } })).toThrow(
      /needs a Int32Array, got a Float32Array/,
    );
    expect(() => encodeSafetensors({ __metadata__: { dtype: "float32", shape: [5], data } })).toThrow(/reserved/);
  });

  test("writes the part of a larger buffer that the array shows", () => {
    const data = new Float32Array([1, 2, 3, 4, 5]).subarray(2, 4);
    const { tensors: read } = decodeSafetensors(encodeSafetensors({ w: { dtype: "float32", shape: [2], data } }), {
      name,
    });
    expect(read.w?.data).toEqual(new Float32Array([3, 4]));
  });
});

describe("decodeSafetensors", () => {
  test("reads what the reference implementation wrote", () => {
    expect(decodeSafetensors(golden, { name })).toEqual({ tensors: goldenTensors, metadata: { format: "pt" } });
  });

  test("gives back every tensor and all metadata that were written", () => {
    fc.assert(
      fc.property(tensors, metadata, (written, text) => {
        fc.pre(!Object.hasOwn(written, "__metadata__"));
        const read = decodeSafetensors(encodeSafetensors(written, text), { name });
        expect(new Map(Object.entries(read.tensors))).toEqual(new Map(Object.entries(written)));
        expect(new Map(Object.entries(read.metadata))).toEqual(new Map(Object.entries(text)));
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  test("reads the same from a buffer at any alignment, and looks at aligned data without a copy", () => {
    const bytes = encodeSafetensors(goldenTensors);
    for (let shift = 0; shift < 9; shift++) {
      const pool = new Uint8Array(bytes.length + shift);
      pool.set(bytes, shift);
      const { tensors: read } = decodeSafetensors(pool.subarray(shift), { name });
      expect(read).toEqual(goldenTensors);
      expect(read.ids?.data.buffer === pool.buffer).toBe(shift % 8 === 0);
    }
  });

  test("copies unaligned data out of a Node buffer, whose slice would only be a view", () => {
    const bytes = encodeSafetensors(goldenTensors);
    const shifted = Buffer.concat([Buffer.from([0]), bytes]).subarray(1);
    expect(decodeSafetensors(shifted, { name }).tensors).toEqual(goldenTensors);
  });

  test("reads halves as float32, at any alignment", () => {
    const header = {
      a: { dtype: "F16", shape: [2], data_offsets: [0, 4] },
      b: { dtype: "BF16", shape: [1, 2], data_offsets: [4, 8] },
    };
    for (const padding of ["", " "]) {
      const bytes = fileOf(JSON.stringify(header) + padding, [0x00, 0x3c, 0x00, 0xc0, 0x80, 0x3f, 0x40, 0xc0]);
      expect(decodeSafetensors(bytes, { name }).tensors).toEqual({
        a: { dtype: "float32", shape: [2], data: Float32Array.of(1, -2) },
        b: { dtype: "float32", shape: [1, 2], data: Float32Array.of(1, -3) },
      });
    }
  });

  test("reads short integers as int32", () => {
    const header = {
      a: { dtype: "I16", shape: [2], data_offsets: [0, 4] },
      b: { dtype: "I8", shape: [2], data_offsets: [4, 6] },
      c: { dtype: "U8", shape: [1, 1], data_offsets: [6, 7] },
    };
    expect(decodeSafetensors(fileOf(header, [0xfe, 0xff, 0x00, 0x01, 0xff, 0x7f, 0xff]), { name }).tensors).toEqual({
      a: { dtype: "int32", shape: [2], data: Int32Array.of(-2, 256) },
      b: { dtype: "int32", shape: [2], data: Int32Array.of(-1, 127) },
      c: { dtype: "int32", shape: [1, 1], data: Int32Array.of(255) },
    });
  });

  test("refuses a file that was cut at any byte", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: golden.length - 1 }), (length) => {
        expect(() => decodeSafetensors(golden.subarray(0, length), { name })).toThrow(StorageError);
      }),
      { seed: 13, numRuns: 100 },
    );
  });

  test("either reads a file with a changed byte or says what is wrong, and never fails in another way", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: golden.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (index, difference) => {
          const damaged = golden.slice();
          damaged[index] = ((damaged[index] ?? 0) + difference) % 256;
          try {
            decodeSafetensors(damaged, { name });
          } catch (error) {
            expect(error).toBeInstanceOf(StorageError);
          }
        },
      ),
      { seed: 17, numRuns: 500 },
    );
  });

  const f32 = (shape: readonly number[], offsets: readonly number[]) => ({
    dtype: "F32",
    shape,
    data_offsets: offsets,
  });
  const eight = [0, 0, 0, 0, 0, 0, 0, 0];
  const hugeLength = new Uint8Array(16).fill(0xff);
  test.for([
    ["a file of three bytes", new Uint8Array(3), /8-byte header length, but the file holds 3 bytes/],
    ["a header longer than the file", fileOf("{}").fill(9, 0, 1), /header should be 9 bytes, but only 2 follow/],
    [
      "a header longer than the format allows",
      hugeLength,
      /at most 100000000 bytes, but this file states 18446744073709551615/,
    ],
    ["a header that is not JSON", fileOf("{'a':1}"), /must be JSON, but .*damaged/],
    ["a header that is not an object", fileOf("[1]"), /must be a JSON object, got \[1\]/],
    [
      "a tensor of 8-bit floats",
      fileOf({ w: { dtype: "F8_E4M3", shape: [8], data_offsets: [0, 8] } }, eight),
      /dtype "F8_E4M3", expected one of F32, F64, F16, BF16/,
    ],
    [
      "a dtype that is a name of every object",
      fileOf({ w: { dtype: "toString", shape: [0], data_offsets: [0, 0] } }),
      /dtype "toString"/,
    ],
    ["a negative size", fileOf({ w: f32([-2], [0, 8]) }, eight), /list of sizes ≥ 0, got \[-2\]/],
    ["offsets in the wrong order", fileOf({ w: f32([2], [8, 0]) }, eight), /must be \[begin, end\], got \[8,0\]/],
    [
      "offsets that do not hold the shape",
      fileOf({ w: f32([3], [0, 8]) }, eight),
      /shape \[3\] needs 12 bytes.*hold 8/,
    ],
    [
      "offsets beyond the file",
      fileOf({ w: f32([4], [0, 16]) }, eight),
      /end at byte 16 of the data, but the file holds 8/,
    ],
    ["two tensors over each other", fileOf({ a: f32([2], [0, 8]), b: f32([1], [4, 8]) }, eight), /overlap/],
    ["a gap before a tensor", fileOf({ a: f32([1], [4, 8]) }, eight), /a gap/],
    [
      "bytes after the last tensor",
      fileOf({ a: f32([1], [0, 4]) }, eight),
      /end at byte 4 of the data, but the file holds 8/,
    ],
    ["a boolean of 2", fileOf({ a: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] } }, [2]), /0 or 1, got 2/],
    ["metadata that is not text", fileOf({ __metadata__: { step: 3 } }), /must map names to text/],
  ] as const)("refuses %s by name", ([, bytes, message]) => {
    expect(() => decodeSafetensors(bytes, { name })).toThrow(message);
    expect(() => decodeSafetensors(bytes, { name })).toThrow(/^model\.safetensors: /);
  });
});
