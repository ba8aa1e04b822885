/** A WebGPU driver for tests: the system's own, or else SwiftShader's, which Debian's chromium package brings along. */

import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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

/** Empty where WebGPU can be had; else why tests are skipped, to be put behind the name of their block. */
export const webgpuMissing = hasVulkanDriver()
  ? ""
  : ` (skipped: no Vulkan driver in ${DRIVER_FOLDERS.join(", ")}, and no ${SWIFTSHADER})`;
