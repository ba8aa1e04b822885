/**
 * Sums into shared rows on WebGPU, where threads run in any order: right to rounding in every run, whether or not with
 * the same bits.
 */

import { describe, expect, it } from "vitest";
import { createBackend } from "../../src/runtime/node.ts";
import { prepare, referenceOutputs } from "../ops/harness.ts";
import { webgpuMissing } from "../webgpu-driver.ts";
import { sizedCases } from "./ops-cases.ts";
import { difference } from "./threads.ts";

/** Over the largest entry, for a few hundred terms in any order. */
const TOLERANCE = 1e-5;
const RUNS = 5;
const summing = [...sizedCases.gather, ...sizedCases.scatterRows];

describe.skipIf(webgpuMissing !== "")(`on WebGPU${webgpuMissing}`, () => {
  const webgpu = createBackend({ device: "webgpu", strictDevice: true });

  it.each(summing.map((each) => [each.name, each] as const))("%s: every run is right", async (_, each) => {
    const prepared = prepare(each);
    await using executable = await webgpu.compile({ outputs: prepared.outputs });
    const expected = [...referenceOutputs(prepared, "result"), ...referenceOutputs(prepared, "gradient")];
    for (let run = 0; run < RUNS; run++) {
      const results = await executable.run(prepared.feeds);
      for (const [name, array] of expected)
        expect(difference(results[name], array), name).toBeLessThanOrEqual(TOLERANCE);
    }
  });
});
