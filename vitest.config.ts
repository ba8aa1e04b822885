// Three projects: `fast` is what `npm run check` runs while one writes; `slow` and, with the machine to themselves, `alone` are the rest.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const slowTests = ["**/*.slow.test.ts", "tests/browser/**/*.test.ts", "tests/e2e/**/*.test.ts"];
/** Of these, what measures, or needs cores that are free. The rest computes on one thread, mostly: two files at a time take half as long. */
const aloneTests = [
  "tests/at-size/**/*.test.ts",
  "lab/**/*.slow.test.ts",
  "src/bench/**/*.slow.test.ts",
  "src/training/memory.slow.test.ts",
];
const notTests = ["**/node_modules/**", "dist/**", ".dist-*/**"];

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: "#engine", replacement: source("runtime/node.ts") },
      { find: "#files", replacement: source("files/node.ts") },
      { find: /^performer-ts$/, replacement: source("index.ts") },
      { find: /^performer-ts\/(.+)$/, replacement: source("$1/index.ts") },
    ],
  },
  test: {
    pool: "forks",
    // Tests that load the engine by themselves, as transformers.js does, are no entrance of ours.
    env: { ORT_DISABLE_TELEMETRY: "1" },
    // Vitest's default leaves a core to itself, which on two cores is half of them.
    maxWorkers: 2,
    // Compiled modules are kept by their content from run to run. Off is slower and nothing else.
    experimental: { fsModuleCache: true },
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["src/**/*.test.ts", "tests/**/*.test.ts", "lab/**/*.test.ts"],
          exclude: [...notTests, ...slowTests],
          testTimeout: 10_000,
          // Loading the engine for each of some fifty files anew would take longer than the tests; none of them leaves anything behind.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "slow",
          globalSetup: "tests/built-package.ts",
          include: slowTests,
          exclude: [...notTests, ...aloneTests],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          globalSetup: "tests/built-package.ts",
          include: aloneTests,
          exclude: notTests,
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
