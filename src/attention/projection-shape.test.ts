/** The shape that a mechanism says its projection has is that of the one it draws. */
import { describe, expect, it, vi } from "vitest";
import { createRandom } from "../random/index.ts";
import { projectionNames } from "./favor/projections.ts";
import { projectionShapeOf, type AttentionMechanism } from "./mechanism.ts";
import { mechanisms } from "./mechanisms.ts";
import { mixedHeads } from "./mixed-heads.ts";

const mixed = mixedHeads([
  { mechanism: mechanisms.local, numHeads: 2 },
  { mechanism: mechanisms.favor, numHeads: 1 },
]);
const all: readonly AttentionMechanism[] = [...Object.values<AttentionMechanism>(mechanisms), mixed];

describe("projectionShapeOf", () => {
  it.each(all)("is that of a drawn one: $name", (mechanism) => {
    for (const kind of projectionNames) {
      for (const perHead of [false, true]) {
        const sizes = { headDim: 5, numFeatures: 7, numHeads: 3, projection: { kind, perHead } };
        const drawn = mechanism.initialise(createRandom(7), sizes);
        expect(projectionShapeOf(mechanism, sizes)).toEqual(drawn?.projection.shape);
      }
    }
  });

  it("draws where a mechanism does not say it", () => {
    const { projectionShape: _, ...silent } = mechanisms.favor;
    const initialise = vi.fn<AttentionMechanism["initialise"]>(silent.initialise);
    expect(projectionShapeOf({ ...silent, initialise }, { headDim: 5, numFeatures: 7 })).toEqual([7, 5]);
    expect(initialise).toHaveBeenCalledOnce();
  });

  it("refuses what cannot be drawn", () => {
    expect(() => projectionShapeOf(mechanisms.favor, { headDim: 5, numFeatures: 0 })).toThrow(
      /numFeatures must be a positive integer, got 0/,
    );
  });
});
