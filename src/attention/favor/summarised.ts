/** Keys and values as one sum of fixed size, for queries that come later. */
import { expectShapes } from "../../graph/expect-shapes.ts";
import { GraphError, problem } from "../../graph/errors.ts";
import type { SummarisedForm } from "../mechanism.ts";
import type { FeatureMap } from "../feature-map.ts";
import { readKeySums } from "./parallel.ts";
import { requireProjection } from "./projections.ts";
import { keySumsFor } from "./schedules.ts";

/**
 * Summary: `sums` Σ_s φ(k_s) [v_s, 1]ᵀ `[B, H, E + 1, M]`, under a scale that cancels.
 *
 * Not for maps that measure queries and keys together: those must wait for the queries.
 */
export function summarisedForm(map: FeatureMap): SummarisedForm {
  return {
    summarise: (k, v, { keyMask, projection, form = "fastest" }) => {
      const shapes = { k: [k, "B H S D"], v: [v, "B H S E"] } as const;
      const { S } = expectShapes("favorAttention", keyMask ? { ...shapes, keyMask: [keyMask, "B S"] } : shapes);
      return { sums: keySumsFor(form, S ?? 0)(k, v, { map, projection: requireProjection(projection), keyMask }) };
    },
    read: (q, { sums }, { projection }) => {
      if (sums === undefined) {
        throw new GraphError(
          problem`favorAttention: a summary must have 'sums', got none; take what summarise() gives`,
        );
      }
      return readKeySums(q, sums, { map, projection: requireProjection(projection) });
    },
  };
}
