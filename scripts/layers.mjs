// Refuses imports that point the wrong way through the layers, and platform modules outside the files meant for them.

import { readFileSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { note, root, say } from "./process.mjs";

/**
 * Each folder of src/, and each file directly in it, lowest layer first, and what it knows: it may import that, and
 * whatever that may import.
 *
 * @type {readonly { name: string, knows: readonly string[] | "all before" }[]}
 */
export const layers = [
  { name: "text", knows: [] },
  { name: "graph", knows: [] },
  { name: "statistics", knows: ["graph"] },
  { name: "files", knows: ["graph"] },
  { name: "ops", knows: ["graph"] },
  { name: "autodiff", knows: ["ops"] },
  { name: "onnx", knows: ["graph"] },
  { name: "runtime", knows: ["ops", "onnx"] },
  { name: "random", knows: ["graph"] },
  { name: "storage", knows: ["files", "graph"] },
  { name: "data", knows: ["random", "statistics", "storage"] },
  { name: "attention", knows: "all before" },
  { name: "kernels", knows: "all before" },
  { name: "model", knows: "all before" },
  { name: "training", knows: "all before" },
  { name: "inference", knows: "all before" },
  { name: "convert", knows: "all before" },
  { name: "models", knows: "all before" },
  { name: "lab", knows: "all before" },
  { name: "runs", knows: "all before" },
  { name: "views", knows: "all before" },
  { name: "tasks", knows: "all before" },
  { name: "bench", knows: "all before" },
  { name: "cli", knows: "all before" },
  // The public exports.
  { name: "index.ts", knows: ["tasks"] },
];

/** Which files may import what belongs to one platform. Everything else runs unchanged in Node and in browsers. */
const edgeModules = [
  {
    modules: "a terminal's libraries",
    matches: isPackage("commander", "cli-progress"),
    allowed: /^src\/cli\//,
    fix: "parse and show in src/cli/, and pass on plain data",
  },
  {
    modules: "Node's process",
    matches: (/** @type {string} */ specifier) => /^(node:)?process$/.test(specifier),
    allowed: /^src\/(runtime\/node[^/]*\.ts|files\/node[^/]*\.ts|cli\/)/,
    fix: "pass what is needed in from src/cli/",
  },
  {
    modules: "Node built-ins",
    matches: isNodeBuiltin,
    allowed: /^src\/((runtime|files)\/node[^/]*\.ts$|(runs|tasks|bench|cli)\/)/,
    fix: "move it to src/runtime/node*.ts, src/files/node*.ts, or a layer from src/runs/ on",
  },
  {
    modules: "onnxruntime-node",
    matches: isPackage("onnxruntime-node"),
    allowed: /^src\/runtime\/node-native\.ts$/,
    fix: "go through the Backend interface of src/runtime/",
  },
  {
    modules: "onnxruntime-web",
    matches: isPackage("onnxruntime-web"),
    allowed: /^src\/runtime\/(web|node-wasm)\.ts$/,
    fix: "go through the Backend interface of src/runtime/",
  },
  {
    modules: "onnxruntime-common",
    matches: isPackage("onnxruntime-common"),
    allowed: /^src\/runtime\/(node-native|session)\.ts$/,
    fix: "go through the Backend interface of src/runtime/",
  },
];

/** Folders that use the package as its users do: by its public exports. */
const users = ["app", "lab", "examples"];

/** @type {Map<string, ReadonlySet<string>>} */
const mayImport = new Map();
for (const [index, { name, knows }] of layers.entries()) {
  const direct = knows === "all before" ? layers.slice(0, index).map((layer) => layer.name) : knows;
  const reached = direct.flatMap((known) => [known, ...(mayImport.get(known) ?? [])]);
  mayImport.set(name, new Set(reached));
}

/**
 * What is wrong with an import, and the way out; undefined where nothing is.
 *
 * @param {string} path of the file that imports, relative to the root, with forward slashes
 * @param {string} specifier
 * @returns {string | undefined}
 */
export function layerProblem(path, specifier) {
  // Tests stand outside the layers: they compare a layer with the ones above it, and read fixtures from disk.
  if (path.endsWith(".test.ts")) return undefined;
  if (path.startsWith("src/")) return sourceProblem(path, specifier);
  // Folders that use the package as its users do.
  return users.some((folder) => path.startsWith(`${folder}/`)) ? userProblem(path, specifier) : undefined;
}

/**
 * @param {string} path
 * @param {string} specifier
 */
function sourceProblem(path, specifier) {
  const edge = edgeModules.find((entry) => entry.matches(specifier));
  if (edge !== undefined) {
    return edge.allowed.test(path) ? undefined : `${edge.modules} stay at the edge, got "${specifier}"; ${edge.fix}`;
  }
  const from = layerOf(path);
  const allowed = mayImport.get(from);
  if (allowed === undefined) return `src/${from} is not in the table of layers; add it to scripts/layers.mjs`;
  if (specifier === "performer-ts" || specifier.startsWith("performer-ts/")) {
    return "inside src/, files are imported by relative path; name the file that declares it";
  }
  if (!specifier.startsWith(".")) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith("src/")) {
    return `src/ imports nothing outside itself, got "${specifier}"; move what is needed into src/`;
  }
  const to = layerOf(target);
  if (to === from || allowed.has(to)) return undefined;
  const knows = allowed.size === 0 ? "nothing" : `only ${[...allowed].join(", ")}`;
  return `${from} knows ${knows}; it cannot import ${to}: move what both need down, or pass it in as an argument`;
}

/**
 * @param {string} path
 * @param {string} specifier
 */
function userProblem(path, specifier) {
  if (!specifier.startsWith(".")) return undefined;
  if (!/^(src|dist)\//.test(posix.join(posix.dirname(path), specifier))) return undefined;
  const [folder] = path.split("/");
  return `${folder}/ uses the public exports only, got "${specifier}"; import from "performer-ts"`;
}

/**
 * The folder of src/ that a file lies in, or the name of a file directly in src/.
 *
 * @param {string} path
 */
function layerOf(path) {
  const [, layer = ""] = path.split("/");
  return layer;
}

/** @param {string} specifier */
function isNodeBuiltin(specifier) {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

/** @param {readonly string[]} names */
function isPackage(...names) {
  /** @param {string} specifier */
  return (specifier) => names.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

/**
 * @typedef {{ path: string, text: string }} SourceFile path relative to the root, with forward slashes
 * @typedef {{ path: string, line: number, problem: string }} Violation
 */

/**
 * @param {readonly SourceFile[]} files
 * @returns {Violation[]}
 */
export function layerViolations(files) {
  return files.flatMap(({ path, text }) =>
    importsOf(text).flatMap(({ specifier, line }) => {
      const problem = layerProblem(path, specifier);
      return problem === undefined ? [] : [{ path, line, problem }];
    }),
  );
}

// A statement begins a line, as the formatter leaves it, which keeps examples in comments out.
const statement = /^(?:import|export)\b(?:[^;"'()]*?\bfrom)?\s*["']([^"']+)["']/gm;
const dynamicImport = /^(?!\s*(?:\*|\/\/)).*?\bimport\(\s*["']([^"']+)["']/gm;

/** @param {string} text */
function importsOf(text) {
  return [statement, dynamicImport].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({
      specifier: /** @type {string} */ (match[1]),
      line: text.slice(0, match.index + match[0].length).split("\n").length,
    })),
  );
}

/** @returns {SourceFile[]} the files of the present tree that the rule speaks about */
export function readSourceFiles() {
  return ["src", ...users].flatMap((folder) =>
    listFolder(folder)
      .map((name) => [folder, ...name.split(sep)].join("/"))
      .filter((path) => /\.(ts|tsx|mts|js|mjs)$/.test(path) && !path.includes("/node_modules/"))
      .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") })),
  );
}

/** @param {string} folder */
function listFolder(folder) {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  } catch {
    return []; // app/ need not be there
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const violations = layerViolations(readSourceFiles());
  for (const { path, line, problem } of violations) say(`${path}:${line}: ${problem}`);
  if (violations.length > 0) note(`layers: ${violations.length} imports refused`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
