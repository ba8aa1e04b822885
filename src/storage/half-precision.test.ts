import { expect, test } from "vitest";

import { float32FromBfloat16, float32FromFloat16, fromFloat16Bits } from "./half-precision.ts";

const everyBits = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

test("known halves are the numbers of IEEE 754: the least, the largest below 1, 1, −2, the largest, infinity", () => {
  expect([0x0001, 0x3bff, 0x3c00, 0xc000, 0x7bff, 0x7c00].map(fromFloat16Bits)).toEqual([
    2 ** -24,
    1 - 2 ** -11,
    1,
    -2,
    65504,
    Number.POSITIVE_INFINITY,
  ]);
});

test("an array of halves holds the same numbers as one by one, every half of them", () => {
  expect(float32FromFloat16(everyBits)).toEqual(Float32Array.from(everyBits, fromFloat16Bits));
});

test("a bfloat16 is the float32 whose upper 16 bits it is, every one of them", () => {
  const view = new DataView(new ArrayBuffer(4));
  const expected = Float32Array.from(everyBits, (bits) => {
    view.setUint16(0, bits);
    return view.getFloat32(0);
  });
  expect(float32FromBfloat16(everyBits)).toEqual(expected);
  expect(float32FromBfloat16(Uint16Array.of(0x3f80, 0xc040))).toEqual(Float32Array.of(1, -3));
});
