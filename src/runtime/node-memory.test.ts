/** The limit is the least that the machine and the control groups set, whichever version they are of. */

import { describe, expect, it } from "vitest";

import { memoryLimit, memoryLimitOn } from "./node-memory.ts";

const GB = 1e9;

function limitWith(files: Readonly<Record<string, string>>) {
  return memoryLimit({ machineBytes: 24 * GB, readText: (path) => files[path] });
}

describe("memoryLimit", () => {
  it("is the machine's memory where there are no control groups", () => {
    expect(limitWith({})).toEqual({ bytes: 24 * GB, setBy: "this machine" });
  });

  it.each([
    ["version 2", "0::/jobs/a\n", "/sys/fs/cgroup/jobs/a/memory.max"],
    ["version 2, set for a group above", "0::/jobs/a\n", "/sys/fs/cgroup/jobs/memory.max"],
    ["version 2, seen from inside a container", "0::/../other\n", "/sys/fs/cgroup/memory.max"],
    ["version 2 beside version 1", "4:cpu:/b\n0::/a\n", "/sys/fs/cgroup/unified/a/memory.max"],
    ["version 1", "9:cpu:/b\n4:memory:/a\n0::/\n", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes"],
    ["version 1, with other controllers", "4:cpu,memory:/a\n", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes"],
  ])("is that of a control group of %s", (_name, groups, path) => {
    const files = { "/proc/self/cgroup": groups, [path]: `${4 * GB}\n` };
    expect(limitWith(files)).toEqual({ bytes: 4 * GB, setBy: path });
  });

  it.each(["max\n", "9223372036854771712\n", "", "nonsense"])("is the machine's where a group says %j", (text) => {
    const files = { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": text };
    expect(limitWith(files).bytes).toBe(24 * GB);
  });

  it("is the least of all", () => {
    const files = {
      "/proc/self/cgroup": "4:memory:/a\n0::/a/b\n",
      "/sys/fs/cgroup/a/b/memory.max": "max",
      "/sys/fs/cgroup/a/memory.max": String(3 * GB),
      "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": String(2 * GB),
    };
    expect(limitWith(files).bytes).toBe(2 * GB);
  });

  it("is at most 4 GiB on wasm", () => {
    const [small, large] = [2, 24].map((size) => ({ bytes: size * GB, setBy: "this machine" }));
    expect(memoryLimitOn("cpu", large)).toBe(large);
    expect(memoryLimitOn("wasm", small)).toBe(small);
    expect(memoryLimitOn("wasm", large)).toEqual({ bytes: 2 ** 32, setBy: "WebAssembly" });
  });

  it("can be read on this machine", () => {
    expect(memoryLimit().bytes).toBeGreaterThan(0);
  });
});
