// Refuses imports that point the wrong way through the layers, and platform modules outside the files meant for them.

import { readFileSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { note, root, say } from "./process.mjs";

/**
 * Each folder of src/, lowest layer first, and what it knows: it may import that, and whatever that may import.
 *
 * @type {readonly { name: string, knows: readonly string[] | "all before" }[]}
 */
const layers = [
  { name: "statistics", knows: [] },
  { name: "text", knows: [] },
  { name: "files", knows: [] },
  { name: "graph", knows: [] },
  { name: "ops", knows: ["graph"] },
  { name: "autodiff", knows: ["ops"] },
  { name: "onnx", knows: ["graph"] },
  { name: "runtime", knows: ["ops", "onnx"] },
  { name: "random", knows: [] },
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
];

/** Which files may import what belongs to one platform. Everything else runs unchanged in Node and in browsers. */
const platformModules = [
  {
    modules: "Node built-ins",
    matches: isNodeBuiltin,
    allowed: /^src\/(runtime|files)\/node[^/]*\.ts$|^src\/(cli|distributed)\//,
    fix: "move it to src/runtime/node*.ts, src/files/node*.ts, src/cli/ or src/distributed/",
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
 * @typedef {{ path: string, text: string }} SourceFile path relative to the root, with forward slashes
 * @typedef {{ path: string, line: number, rule: string, fix: string }} Violation
 */

/**
 * @param {readonly SourceFile[]} files
 * @returns {Violation[]}
 */
export function layerViolations(files) {
  return files.flatMap(({ path, text }) =>
    // Tests stand outside the layers: they compare a layer with the ones above it, and read fixtures from disk.
    path.endsWith(".test.ts")
      ? []
      : importsOf(text).flatMap(({ specifier, line }) => {
          const problem = path.startsWith("src/") ? sourceProblem(path, specifier) : userProblem(path, specifier);
          return problem === undefined ? [] : [{ path, line, ...problem }];
        }),
  );
}

/**
 * @param {string} path
 * @param {string} specifier
 */
function sourceProblem(path, specifier) {
  const platform = platformModules.find((entry) => entry.matches(specifier));
  if (platform !== undefined) {
    if (platform.allowed.test(path)) return undefined;
    return { rule: `${platform.modules} stay at the edge, got "${specifier}"`, fix: platform.fix };
  }
  const from = layerOf(path);
  // src/index.ts gathers the public exports and stands above every layer.
  if (from === undefined) return undefined;
  const allowed = mayImport.get(from);
  if (allowed === undefined) {
    return { rule: `src/${from}/ is not in the table of layers`, fix: "add it to scripts/layers.mjs" };
  }
  if (specifier === "performer-ts" || specifier.startsWith("performer-ts/")) {
    return { rule: "inside src/, files are imported by relative path", fix: "name the file that declares it" };
  }
  if (!specifier.startsWith(".")) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith("src/")) {
    return { rule: `src/ imports nothing outside itself, got "${specifier}"`, fix: "move what is needed into src/" };
  }
  const to = layerOf(target);
  if (to === from || (to !== undefined && allowed.has(to))) return undefined;
  const knows = allowed.size === 0 ? "nothing" : `only ${[...allowed].join(", ")}`;
  return {
    rule: `${from} knows ${knows}; it cannot import ${to ?? posix.basename(target)}`,
    fix: "move what both need down, or pass it in as an argument",
  };
}

/**
 * @param {string} path
 * @param {string} specifier
 */
function userProblem(path, specifier) {
  const folder = path.slice(0, path.indexOf("/"));
  if (!specifier.startsWith(".")) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  if (!/^(src|dist)\//.test(target)) return undefined;
  return { rule: `${folder}/ uses the public exports only, got "${specifier}"`, fix: 'import from "performer-ts"' };
}

/**
 * The folder of src/ that a file lies in.
 *
 * @param {string} path
 * @returns {string | undefined} undefined for a file directly in src/
 */
function layerOf(path) {
  const [, folder, ...rest] = path.split("/");
  return rest.length === 0 ? undefined : folder;
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

/** @param {string} specifier */
function isNodeBuiltin(specifier) {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

/** @param {string} name */
function isPackage(name) {
  /** @param {string} specifier */
  return (specifier) => specifier === name || specifier.startsWith(`${name}/`);
}

/** @returns {SourceFile[]} the files of the present tree that the rule speaks about */
export function readSourceFiles() {
  return ["src", ...users].flatMap((folder) =>
    listFolder(folder)
      .map((name) => [folder, ...name.split(sep)].join("/"))
      .filter((path) => /\.(ts|tsx|mts)$/.test(path) && !path.includes("/node_modules/"))
      .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") })),
  );
}

/** @param {string} folder */
function listFolder(folder) {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  } catch {
    // app/, lab/ and examples/ need not be there.
    return [];
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const violations = layerViolations(readSourceFiles());
  for (const { path, line, rule, fix } of violations) say(`${path}:${line}: ${rule}; ${fix}`);
  if (violations.length > 0) note(`layers: ${violations.length} imports refused`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
