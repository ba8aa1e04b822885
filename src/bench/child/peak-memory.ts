/** The most memory that this process has held. */

import { readFileSync } from "node:fs";

/**
 * Peak resident memory in bytes.
 *
 * On Linux the kernel's own high-water mark of this program: what `process.resourceUsage()` says there begins with the
 * memory of the process that started this one, so that a small child of a large parent looks large.
 */
export function peakMemoryBytes(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(processStatus())?.[1];
  return 1024 * (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes));
}

function processStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return ""; // Not Linux.
  }
}
