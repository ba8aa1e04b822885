/** How much memory a graph takes: what is alive at a time. */
import { describe, expect, it } from "vitest";
import { add, exp, mul } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { scan } from "../ops/scan.ts";
import { input } from "../ops/source.ts";
import { graphMemory } from "./graph-memory.ts";

const square = () => input("x", [16, 16]);
/** Bytes of one float32 of that shape. */
const ONE = 16 * 16 * 4;

describe("graphMemory", () => {
  it("counts two values of a chain of products: what is read and what is written", () => {
    let y = square();
    for (let layer = 0; layer < 5; layer++) y = matmul(y, y);
    expect(graphMemory({ outputs: { y } })).toEqual({
      valueBytes: 2 * ONE,
      largestBytes: ONE,
      outputBytes: ONE,
      constantBytes: 0,
    });
  });

  it("counts every value that is still to be read", () => {
    const x = square();
    const [a, b, c] = [matmul(x, x), matmul(x, x), matmul(x, x)];
    // Sums are written over what they add: the second product waits for the third, or is gone by then.
    expect(graphMemory({ outputs: { y: add(add(a, b), c) } }).valueBytes).toBe(3 * ONE);
    expect(graphMemory({ outputs: { y: add(a, add(b, c)) } }).valueBytes).toBe(2 * ONE);
  });

  it("lets elementwise ops write over what nothing else reads, and reshaped values share their bytes", () => {
    const y = matmul(square(), square());
    expect(graphMemory({ outputs: { z: exp(mul(reshape(y, [256]), 2)) } }).valueBytes).toBe(ONE);
    expect(graphMemory({ outputs: { z: exp(y), y } }).valueBytes).toBe(2 * ONE);
  });

  it("counts one step inside a loop, beside what the loop gives", () => {
    const { outputs } = scan({
      carry: { s: input("s", [16, 16]) },
      sequences: { x: input("xs", [7, 16, 16]) },
      body: ({ s }, { x }) => ({ carry: { s }, outputs: { y: exp(matmul(matmul(x, s), s)) } }),
    });
    const { valueBytes, outputBytes } = graphMemory({ outputs });
    expect(outputBytes).toBe(7 * ONE);
    // The outputs and the carried state; inside, a product and the one that it reads.
    expect(valueBytes).toBe(8 * ONE + 2 * ONE);
  });
});
