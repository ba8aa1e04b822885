// Compiles src/ to dist/ and lab/ to dist/claims/, and tells whether dist/ still belongs to the present source.

import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { note, root, run } from "./process.mjs";

const distFolder = join(root, "dist");
const stampFile = join(distFolder, ".stamp");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
const command = join(distFolder, "cli", "main.js");

/** @returns {boolean} whether dist/ was built from exactly the present source */
export function isBuilt() {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === sourceHash();
}

/**
 * Compiles into a folder of its own and swaps it in, so that dist/ is never half built.
 *
 * @returns {Promise<number>} the compiler's exit code
 */
export async function build() {
  if (!existsSync(compiler)) {
    note("build: the compiler is not installed; run npm run setup");
    return 1;
  }
  const hash = sourceHash();
  // Beside dist/, at the same depth, because source maps hold relative paths.
  const nextFolder = mkdtempSync(join(root, ".dist-"));
  try {
    const code = await compile("tsconfig.build.json", nextFolder);
    if (code !== 0) return code;
    const claimsCode = await compileClaims(nextFolder);
    if (claimsCode !== 0) return claimsCode;
    chmodSync(nextFolder, 0o755);
    rmSync(distFolder, { recursive: true, force: true });
    renameSync(nextFolder, distFolder);
    if (existsSync(command)) {
      chmodSync(command, 0o755);
      linkCommand();
    }
    writeFileSync(stampFile, hash);
    return 0;
  } finally {
    rmSync(nextFolder, { recursive: true, force: true });
  }
}

/**
 * @param {string} project
 * @param {string} outFolder
 */
function compile(project, outFolder) {
  return run(process.execPath, [compiler, "-p", project, "--outDir", outFolder], { stdoutToStderr: true });
}

/**
 * Claims import the package by its name, which leads to dist/ and so to the build before this one. For the compiler the
 * names lead to the folder that is about to become dist/, one by one as package.json exports them: what is not exported
 * is refused.
 *
 * @param {string} nextFolder
 */
async function compileClaims(nextFolder) {
  const project = join(nextFolder, "tsconfig.json");
  writeFileSync(
    project,
    JSON.stringify({ extends: "../tsconfig.lab.json", compilerOptions: { paths: exportedTypes() } }),
  );
  try {
    return await compile(project, join(nextFolder, "claims"));
  } finally {
    rmSync(project);
  }
}

/** The declarations behind each name that the package exports or uses itself, below the folder of the build. */
function exportedTypes() {
  /**
   * @type {{ name: string, exports: Record<string, string | { types: string }>, imports: Record<string, { node: string
   * }> }}
   */
  const { name, exports, imports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const exported = Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string" ? [] : [[posix.join(name, path), target.types]],
  );
  const inner = Object.entries(imports).map(([path, { node }]) => [path, node.replace(/\.js$/, ".d.ts")]);
  return Object.fromEntries(
    [...exported, ...inner].map(([path, file = ""]) => [path, [file.replace("./dist/", "./")]]),
  );
}

/** `npx performer` in the clone: npm links the commands of dependencies, but not the package's own. */
function linkCommand() {
  const link = join(root, "node_modules", ".bin", "performer");
  if (process.platform === "win32" || !existsSync(dirname(link))) return;
  rmSync(link, { force: true });
  symlinkSync(join("..", "..", "dist", "cli", "main.js"), link);
}

/** A digest of everything that decides what dist/ holds: the source, the compiler's options and its version. */
function sourceHash() {
  const sources = ["src", "lab"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => /\.(ts|js)$/.test(path) && !path.endsWith(".test.ts"))
      .map((path) => join(folder, path)),
  );
  const settings = [
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "tsconfig.lab.json",
    join("node_modules", "typescript", "package.json"),
  ];
  const hash = createHash("sha256");
  for (const path of [...sources.toSorted(), ...settings]) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  }
  return `${hash.digest("hex")}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const code = await build();
  note(code === 0 ? "build: dist/ is up to date" : "build: stopped at the errors above; dist/ is unchanged");
  process.exitCode = code;
}
