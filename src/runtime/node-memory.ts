/**
 * How much memory this process may take: the machine's, or less where a control group, such as a container's, says so.
 */

import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path/posix";

import type { Device } from "./backend.ts";

export interface MemoryLimit {
  readonly bytes: number;
  /** Who sets it, for messages. */
  readonly setBy: string;
}

/** Where limits are read from; tests give their own. */
export interface MemorySources {
  readonly machineBytes: number;
  /** The text of a file, undefined where there is none. */
  readonly readText: (path: string) => string | undefined;
}

const CONTROL_GROUPS = "/sys/fs/cgroup";

/**
 * Control groups of version 2 and of version 1: which line of /proc/self/cgroup is theirs, and where their limit
 * stands.
 */
const versions = [
  { line: /^0::(.*)$/m, roots: [CONTROL_GROUPS, `${CONTROL_GROUPS}/unified`], file: "memory.max" },
  { line: /^\d+:[^:]*\bmemory\b[^:]*:(.*)$/m, roots: [`${CONTROL_GROUPS}/memory`], file: "memory.limit_in_bytes" },
] as const;

/** The least of the machine's memory and of the limits of all control groups that the process is in. */
export function memoryLimit({ machineBytes, readText }: MemorySources = thisMachine()): MemoryLimit {
  const groups = readText("/proc/self/cgroup") ?? "";
  const limits = versions.flatMap(({ line, roots, file }) =>
    // Inside a container the group's own path may not be visible; its limit then stands at the root.
    roots.flatMap((root) => ancestors(line.exec(groups)?.[1] ?? "/").map((group) => join(root, group, file))),
  );
  return limits.reduce<MemoryLimit>(
    (least, path) => {
      const bytes = parseLimit(readText(path));
      return bytes < least.bytes ? { bytes, setBy: path } : least;
    },
    { bytes: machineBytes, setBy: "this machine" },
  );
}

/** WebAssembly addresses 32 bits, whatever the machine has. */
const WASM_BYTES = 2 ** 32;

/** The memory that a device can use: on wasm at most 4 GiB. */
export function memoryLimitOn(device: Device, limit: MemoryLimit = memoryLimit()): MemoryLimit {
  return device === "wasm" && WASM_BYTES < limit.bytes ? { bytes: WASM_BYTES, setBy: "WebAssembly" } : limit;
}

/**
 * "max", nothing, and what is no number set no limit; no limit of version 1 is a number beyond any machine's memory.
 */
function parseLimit(text: string | undefined): number {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) ? Number(trimmed) : Number.POSITIVE_INFINITY;
}

/** "/a/b" → "/a/b", "/a", "/". */
function ancestors(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  return Array.from({ length: parts.length + 1 }, (_, index) => `/${parts.slice(0, parts.length - index).join("/")}`);
}

function thisMachine(): MemorySources {
  return {
    machineBytes: totalmem(),
    readText: (path) => {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return undefined; // another system, or another version of control groups
      }
    },
  };
}
