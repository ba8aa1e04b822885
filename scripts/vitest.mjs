// Runs Vitest and counts from its own report, not from what it prints.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./process.mjs";

/**
 * @typedef {object} VitestFile one test file of the JSON report
 * @property {string} status
 * @property {readonly { status: string }[]} assertionResults
 */

/**
 * @param {readonly string[]} args passed to `vitest run`
 * @returns {Promise<{ passed: number, failed: number }>} a file that could not be loaded counts as one failure
 */
export async function runVitest(args) {
  const folder = mkdtempSync(join(tmpdir(), "performer-test-"));
  const reportFile = join(folder, "report.json");
  try {
    const program = join(root, "node_modules", "vitest", "vitest.mjs");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
    const code = await run(process.execPath, [program, "run", ...reporters, ...args]);
    const counts = readCounts(reportFile);
    // An error outside every test (an unhandled rejection, a crashed worker) has no entry in the report.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} reportFile */
function readCounts(reportFile) {
  const counts = { passed: 0, failed: 0 };
  for (const file of readFiles(reportFile)) {
    const failed = file.assertionResults.filter((test) => test.status === "failed").length;
    counts.passed += file.assertionResults.filter((test) => test.status === "passed").length;
    counts.failed += file.status === "failed" ? Math.max(1, failed) : failed;
  }
  return counts;
}

/**
 * @param {string} reportFile
 * @returns {readonly VitestFile[]} none when Vitest ended before it could write the report
 */
function readFiles(reportFile) {
  try {
    return JSON.parse(readFileSync(reportFile, "utf8")).testResults;
  } catch {
    return [];
  }
}
