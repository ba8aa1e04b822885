import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { jsonNumbers, numberBytes, roundedTo } from "./numbers.ts";

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

describe("numbers as bytes", () => {
  it("take two bytes in half precision, low one first", () => {
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
