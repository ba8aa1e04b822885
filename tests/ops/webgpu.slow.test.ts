// Every op on WebGPU, with an error wherever the engine would run a part on the CPU instead.
//
// Without a GPU the driver is SwiftShader's, which Debian's chromium package brings along.

import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createBackend } from "../../src/runtime/node.ts";
import { cases } from "./cases.ts";
import { prepare, referenceOutputs, relativeError, TOLERANCE } from "./harness.ts";

const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
const DRIVER_FOLDERS = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

function hasVulkanDriver(): boolean {
  if (process.platform !== "linux") return true; // Metal and Direct3D come with the system
  if (process.env["VK_ICD_FILENAMES"] !== undefined) return true;
  if (
    DRIVER_FOLDERS.some((folder) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".json")))
  ) {
    return true;
  }
  if (!existsSync(SWIFTSHADER)) return false;
  // Both are read when the first graph is compiled.
  process.env["VK_ICD_FILENAMES"] = SWIFTSHADER;
  process.env["XDG_RUNTIME_DIR"] = mkdtempSync(join(tmpdir(), "performer-webgpu-"));
  loadLibrary("/usr/lib/chromium/libvulkan.so.1");
  return true;
}

/**
 * Loads a shared library into the process, so that the engine finds it by its short name also where the system has it
 * in a folder of chromium's own.
 */
function loadLibrary(path: string): void {
  const RTLD_NOW_NODELETE = 0x1002;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW_NODELETE);
  } catch {
    // It is no Node addon, which is what Node says after loading it; NODELETE keeps it loaded.
  }
}

const missing = hasVulkanDriver()
  ? ""
  : ` (skipped: no Vulkan driver in ${DRIVER_FOLDERS.join(", ")}, and no ${SWIFTSHADER})`;

describe.skipIf(missing !== "")(`on WebGPU${missing}`, () => {
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
