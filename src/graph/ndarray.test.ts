/** Arrays with a type and a shape, and their way through float64. */

import { describe, expect, it } from "vitest";
import { dtypeOf, fromFloat64, ndarray, toFloat64, zeros } from "./ndarray.ts";

describe("ndarray", () => {
  it("takes its dtype from the class of the data and does not copy", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const array = ndarray(data, [2, 3]);
    expect(array.dtype).toBe("float32");
    expect(array.data).toBe(data);
    expect(dtypeOf(new Uint8Array(1))).toBe("bool");
  });

  it("refuses data that does not fill the shape", () => {
    expect(() => ndarray(new Float32Array(5), [2, 3])).toThrow(
      "ndarray: data must hold 6 elements for shape [2, 3], got 5",
    );
  });

  it.each(["float32", "float64", "int32", "int64", "bool"] as const)("keeps %s values through float64", (dtype) => {
    const values = Float64Array.of(0, 1, 1, 0);
    const array = fromFloat64(values, [2, 2], dtype);
    expect(dtypeOf(array.data)).toBe(dtype);
    expect(toFloat64(array)).toEqual(values);
    expect(toFloat64(zeros([3], dtype))).toEqual(new Float64Array(3));
  });
});
