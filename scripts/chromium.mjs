// Finds the system's Chromium, which the browser tests drive, and installs it where that is possible without asking.

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { note, run } from "./process.mjs";

const names = ["chromium", "chromium-browser", "google-chrome"];

const howToInstall = `install one of ${names.join(", ")}, or set CHROMIUM_PATH to the program`;

/**
 * The Chromium to use: CHROMIUM_PATH where it is set, otherwise the first of the usual names on PATH.
 *
 * @returns {string | undefined} its path, undefined when there is none
 */
export function findChromium() {
  const chosen = process.env.CHROMIUM_PATH;
  if (chosen) return isProgram(chosen) ? chosen : undefined;
  return findOnPath(names);
}

/** Makes Chromium available, or says that the browser tests will be skipped and what would change that. */
export async function setUpChromium() {
  if (findChromium() !== undefined) return;
  if (process.env.CHROMIUM_PATH) {
    note(`setup: CHROMIUM_PATH is ${process.env.CHROMIUM_PATH}, which is not a program: browser tests will be skipped`);
    return;
  }
  if (process.getuid?.() === 0 && findOnPath(["apt-get"]) !== undefined) {
    note(
      "setup: no Chromium found, installing it for the browser tests: apt-get update && apt-get install -y chromium",
    );
    const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, stdoutToStderr: true };
    const updated = await run("apt-get", ["update", "-qq"], options);
    if (updated === 0) await run("apt-get", ["install", "-y", "-qq", "chromium"], options);
    if (findChromium() !== undefined) return;
  }
  note(`setup: no Chromium found, browser tests will be skipped; to run them, ${howToInstall}`);
}

/** @param {readonly string[]} programs */
function findOnPath(programs) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return programs.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
