/**
 * Every op at real sizes, again and again on several threads: the same bits in every run, and the values of float64
 * loops.
 */

import { describe, expect, it } from "vitest";
import { prepare, referenceOutputs } from "../ops/harness.ts";
import { sizedCases } from "./ops-cases.ts";
import { difference, sameOnAllThreads } from "./threads.ts";

/** Over the largest entry; sums of thousands of float32 terms, of either sign. */
const TOLERANCE = { forward: 1e-5, gradient: 1e-5 } as const;

describe.each(Object.entries(sizedCases))("%s", (_, list) => {
  it.each(list.map((each) => [each.name, each] as const))("%s", async (_name, each) => {
    const prepared = prepare(each);
    const results = await sameOnAllThreads(prepared.outputs, prepared.feeds);
    for (const kind of ["result", "gradient"] as const) {
      const tolerance = TOLERANCE[kind === "result" ? "forward" : "gradient"];
      for (const [name, expected] of referenceOutputs(prepared, kind)) {
        expect(difference(results[name], expected), name).toBeLessThanOrEqual(tolerance);
      }
    }
  });
});
