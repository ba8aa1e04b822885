import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { toFloat16Bits } from "../../onnx/weight-dtype.ts";
import { fromFloat16Bits } from "../../storage/half-precision.ts";
import { jsonNumbers, numberBytes, roundedTo } from "./numbers.ts";

const everyHalf = Array.from({ length: 0x10000 }, (_, bits) => bits);
const isNan = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

describe("half precision", () => {
  it("comes back bit by bit, every number of it", () => {
    const wrong = everyHalf.filter((bits) => !isNan(bits) && toFloat16Bits(fromFloat16Bits(bits)) !== bits);
    expect(wrong).toEqual([]);
    expect(everyHalf.filter(isNan).every((bits) => Number.isNaN(fromFloat16Bits(bits)))).toBe(true);
  });

  it("rounds to the nearest, and from the middle to the even one", () => {
    const halves = everyHalf.slice(0, 0x7c00); // 0 and up, ascending
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

  it("takes two bytes, low one first", () => {
    expect([...numberBytes(Float32Array.of(1, -2), "float16")]).toEqual([0x00, 0x3c, 0x00, 0xc0]);
    expect([...numberBytes(Float32Array.of(1), "float32")]).toEqual([0, 0, 0x80, 0x3f]);
  });
});

describe("numbers as JSON", () => {
  it.each(["float32", "float16"] as const)("read back as what a file in %s keeps", (precision) => {
    fc.assert(
      fc.property(fc.array(finite), (numbers) => {
        const values = Float32Array.from(numbers);
        const read = Float32Array.from(JSON.parse(jsonNumbers(values, precision)) as number[], (value) =>
          value === null ? Number.NaN : value,
        );
        const kept = roundedTo(values, precision).map((value) => (Number.isFinite(value) ? value + 0 : Number.NaN));
        // JSON writes −0 as 0; the digits are those that tell a number of this precision from its neighbours.
        expect(roundedTo(read, precision).map((value) => value + 0)).toEqual(kept);
      }),
    );
  });

  it("are short, and null where there is none", () => {
    expect(jsonNumbers(Float32Array.of(0.1, 0, Number.NaN, Number.POSITIVE_INFINITY), "float32")).toBe(
      "[0.100000001,0,null,null]",
    );
    expect(jsonNumbers(Float32Array.of(0.1), "float16")).toBe("[0.099976]");
  });
});
