/** Every op on WebGPU, with an error wherever the engine would run a part on the CPU instead. */

import { describe, expect, it } from "vitest";
import { createBackend } from "../../src/runtime/node.ts";
import { webgpuMissing } from "../webgpu-driver.ts";
import { cases } from "./cases.ts";
import { prepare, referenceOutputs, relativeError, TOLERANCE } from "./harness.ts";

describe.skipIf(webgpuMissing !== "")(`on WebGPU${webgpuMissing}`, () => {
  const webgpu = createBackend({ device: "webgpu", strictDevice: true });

  for (const [op, list] of Object.entries(cases)) {
    describe(op, () => {
      for (const each of list) {
        const { webgpu: exception } = each.options;
        const reason = typeof exception === "string" ? exception : undefined;
        const tolerance =
          typeof exception === "object"
            ? { forward: exception.tolerance, gradient: exception.tolerance }
            : TOLERANCE.webgpu;
        it.skipIf(reason !== undefined)(
          `${each.name}${reason === undefined ? "" : ` (skipped: ${reason})`}`,
          async () => {
            const prepared = prepare(each);
            await using executable = await webgpu.compile({ outputs: prepared.outputs });
            const results = await executable.run(prepared.feeds);
            for (const [name, expected] of referenceOutputs(prepared, "result")) {
              expect(relativeError(results[name], expected), name).toBeLessThanOrEqual(tolerance.forward);
            }
            for (const [name, expected] of referenceOutputs(prepared, "gradient")) {
              expect(relativeError(results[name], expected), name).toBeLessThanOrEqual(tolerance.gradient);
            }
          },
        );
      }
    });
  }
});
