/** The fused rotation against the one made of products, and against the engine. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { rotaryAngles, rotate } from "../model/layers.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { createReferenceBackend } from "../runtime/reference.ts";
import { present, relativeError } from "../../tests/model/harness.ts";
import { reshape } from "./layout.ts";
import { rotaryEmbedding } from "./rotary-embedding.ts";
import { slice } from "./slicing.ts";
import { constant, input } from "./source.ts";

/** Float32, a sum of two products. */
const TOLERANCE = 1e-6;

const [rows, heads, D] = [5, 3, 14];

describe.each([["the engine", createBackend()] as const, ["the reference", createReferenceBackend()] as const])(
  "rotaryEmbedding on %s",
  (_name, backend) => {
    it("turns every row by the angles of its own position, as rotate does", async () => {
      const x = input("x", [rows, heads * D]);
      const { cos, sin } = rotaryAngles([0, 1, 7, 1000, 999_999], D);
      const angles = { cos: constant(cos), sin: constant(sin) };
      const half = (table: typeof angles.cos) => slice(reshape(table, [rows, D]), 1, 0, D / 2);
      const fused = rotaryEmbedding(x, { cos: half(angles.cos), sin: half(angles.sin) }, heads);
      const products = rotate(reshape(x, [rows, heads, D]), angles);
      await using run = await backend.compile({ outputs: { fused, products } });
      const results = await run.run({ x: fillNormal(createRandom(3, "x"), new Float32Array(rows * heads * D), 1) });
      expect(present(results["fused"]).shape).toEqual([rows, heads, 1, D]);
      expect(relativeError(results["fused"]?.data, results["products"]?.data)).toBeLessThan(TOLERANCE);
    });
  },
);

it("refuses angles for another number of rows", () => {
  const table = input("table", [rows + 1, D / 2]);
  expect(() => rotaryEmbedding(input("x", [rows, heads * D]), { cos: table, sin: table }, heads)).toThrow(
    /RotaryEmbedding: cos and sin must be \[rows, headDim \/ 2\]/,
  );
});
