import { describe, expect, it, test } from "vitest";
import { float32FromBfloat16, float32FromFloat16, fromFloat16Bits, toFloat16Bits } from "./half-precision.ts";

const everyBits = Array.from({ length: 0x10000 }, (_, bits) => bits);
const isNan = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;

describe("toFloat16Bits", () => {
  it.each([
    // IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction.
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [1 / 3, 0x3555],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NaN, 0x7e00],
  ])("of %d is the nearest one, ties to even", (value, bits) => {
    expect(toFloat16Bits(value)).toBe(bits);
  });

  it("comes back bit by bit, every number of it", () => {
    const wrong = everyBits.filter((bits) => !isNan(bits) && toFloat16Bits(fromFloat16Bits(bits)) !== bits);
    expect(wrong).toEqual([]);
    expect(everyBits.filter(isNan).every((bits) => Number.isNaN(fromFloat16Bits(bits)))).toBe(true);
  });

  it("rounds to the nearest, and from the middle to the even one", () => {
    const halves = everyBits.slice(0, 0x7c00); // 0 and up, ascending
    const wrong = halves.slice(1).filter((above) => {
      const [low, high] = [fromFloat16Bits(above - 1), fromFloat16Bits(above)];
      const middle = (low + high) / 2;
      const step = (high - low) / 8;
      return (
        toFloat16Bits(middle - step) !== above - 1 ||
        toFloat16Bits(middle + step) !== above ||
        toFloat16Bits(middle) !== (above % 2 === 0 ? above : above - 1)
      );
    });
    expect(wrong).toEqual([]);
  });
});

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
  expect(float32FromFloat16(Uint16Array.from(everyBits))).toEqual(Float32Array.from(everyBits, fromFloat16Bits));
});

test("a bfloat16 is the float32 whose upper 16 bits it is, every one of them", () => {
  const view = new DataView(new ArrayBuffer(4));
  const expected = Float32Array.from(everyBits, (bits) => {
    view.setUint16(0, bits);
    return view.getFloat32(0);
  });
  expect(float32FromBfloat16(Uint16Array.from(everyBits))).toEqual(expected);
  expect(float32FromBfloat16(Uint16Array.of(0x3f80, 0xc040))).toEqual(Float32Array.of(1, -3));
});
