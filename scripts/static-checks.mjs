// The checks that read the code without running it: format, lint, layers, types, dead code, and the package's shape.

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { capture, root, say } from "./process.mjs";

/**
 * @typedef {object} StaticCheck
 * @property {string} name
 * @property {readonly string[]} command a JavaScript program and its arguments
 * @property {string} fix
 */

/** @param {string} path */
const tool = (path) => join(root, "node_modules", path);

/** @type {readonly StaticCheck[]} */
const sourceChecks = [
  { name: "format", command: [tool("oxfmt/bin/oxfmt"), "--check"], fix: "npm run format" },
  { name: "lint", command: [tool("oxlint/bin/oxlint")], fix: "npm run lint -- --fix" },
  { name: "layers", command: [join(root, "scripts", "layers.mjs")], fix: "the table is in scripts/layers.mjs" },
  { name: "types", command: [tool("typescript/bin/tsc"), "-p", "tsconfig.json"], fix: "correct the errors above" },
  {
    name: "dead code",
    command: [tool("knip/bin/knip.js"), "--no-config-hints"],
    fix: "remove what nothing uses, or add an entry to knip.json",
  },
];

/** @type {readonly StaticCheck[]} */
const packageChecks = [
  {
    name: "package",
    command: [tool("publint/src/cli.js"), "--strict", "--pack", "false"],
    fix: "correct package.json",
  },
];

/**
 * Runs the checks beside one another, as many as there are cores, and prints a line for each.
 *
 * @param {{ builtPackage: boolean }} options builtPackage: also check what dist/ and package.json publish
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runStaticChecks({ builtPackage }) {
  const waiting = [...sourceChecks, ...(builtPackage ? packageChecks : [])];
  const counts = { passed: 0, failed: 0 };
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startedMs = performance.now();
      const { code, output } = await capture(process.execPath, check.command);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      if (code === 0) {
        counts.passed += 1;
        say(`ok      ${check.name} (${seconds} s)`);
      } else {
        counts.failed += 1;
        say(`FAILED  ${check.name} (${seconds} s)\n${output.trimEnd()}\n        to correct: ${check.fix}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  return counts;
}
