// Brings a fresh clone to where everything runs: modules installed, dist/ built, Chromium found. Does only what is
// missing.

import "./node-version.mjs";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, isBuilt } from "./build.mjs";
import { setUpChromium } from "./chromium.mjs";
import { note, root, run } from "./process.mjs";

const modulesFolder = join(root, "node_modules");
const previousFolder = join(root, ".node_modules-previous");

/**
 * @param {{ dist?: boolean, browser?: boolean }} [options]
 *   dist: also build dist/ (default true); browser: also look for Chromium (default false, only tests drive it)
 */
export async function setUp({ dist = true, browser = false } = {}) {
  await setUpModules();
  if (dist && !isBuilt()) {
    note(existsSync(join(root, "dist")) ? "setup: src/ has changed, building dist/" : "setup: building dist/");
    if ((await build()) !== 0) fail("the build stopped at the errors above; correct them and run the command again");
  }
  if (browser) await setUpChromium();
}

async function setUpModules() {
  const problem = modulesProblem();
  if (problem === undefined) return;
  note(`setup: ${problem}, installing with npm ci`);
  const code = await installModules();
  if (code === 0) return;
  if (!directDependenciesResolve()) {
    fail(`npm ci failed with exit code ${code}; its own words are above; a first installation needs a network`);
  }
  note(`setup: npm ci failed with exit code ${code}; going on with the modules that are here`);
}

/**
 * Runs `npm ci`. It deletes node_modules before it fetches, so the old folder waits beside it and returns on failure.
 */
async function installModules() {
  const movedAside = moveAside();
  // onnxruntime-node's install script fetches CUDA libraries, which are needed on a CUDA machine only.
  const env = { ONNXRUNTIME_NODE_INSTALL: "skip", ...process.env };
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const code =
    npm !== undefined && basename(npm) === "npm-cli.js"
      ? await run(process.execPath, [npm, ...args], { env, stdoutToStderr: true })
      : await run("npm", args, { env, shell: process.platform === "win32", stdoutToStderr: true });
  if (movedAside && code !== 0) {
    rmSync(modulesFolder, { recursive: true, force: true });
    renameSync(previousFolder, modulesFolder);
  }
  rmSync(previousFolder, { recursive: true, force: true });
  return code;
}

/** @returns {boolean} false when there is nothing to move, or the folder is a mount that cannot be moved */
function moveAside() {
  if (!existsSync(modulesFolder)) return false;
  rmSync(previousFolder, { recursive: true, force: true });
  try {
    renameSync(modulesFolder, previousFolder);
    return true;
  } catch {
    return false;
  }
}

/** @returns {string | undefined} why the modules have to be installed; undefined when they are all here */
function modulesProblem() {
  if (!existsSync(modulesFolder)) return "node_modules is missing";
  // Optional for users; a clone measures and tests with them.
  const wanted = directOptionalPaths();
  for (const [path, entry] of Object.entries(lockedPackages())) {
    if (path === "") continue;
    if ((entry.optional || entry.devOptional || entry.peer) && !wanted.includes(path)) continue;
    if (entry.os !== undefined && !entry.os.includes(process.platform)) continue;
    const name = path.slice("node_modules/".length);
    const installed = installedVersion(path);
    if (installed === undefined) return `${name} is missing`;
    if (installed !== entry.version) return `${name} is ${installed}, package-lock.json has ${entry.version}`;
  }
  return undefined;
}

function directDependenciesResolve() {
  const { dependencies = {}, devDependencies = {} } = readJson(join(root, "package.json"));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return names.every((name) => installedVersion(`node_modules/${name}`) !== undefined);
}

/** @returns {string[]} */
function directOptionalPaths() {
  const { optionalDependencies = {} } = readJson(join(root, "package.json"));
  return Object.keys(optionalDependencies).map((name) => `node_modules/${name}`);
}

/**
 * @typedef {{ version: string, optional?: boolean, devOptional?: boolean, peer?: boolean, os?: string[] }}
 *   LockedPackage
 * @returns {Record<string, LockedPackage>}
 */
function lockedPackages() {
  return readJson(join(root, "package-lock.json")).packages;
}

/** @param {string} path */
function installedVersion(path) {
  try {
    return readJson(join(root, path, "package.json")).version;
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * @param {string} reason
 * @returns {never}
 */
function fail(reason) {
  note(`setup: ${reason}`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await setUp({ browser: process.argv.includes("--browser") });
  note("setup: ready");
}
