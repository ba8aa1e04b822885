// Compiles src/ to dist/, and tells whether dist/ still belongs to the present source.

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
import { dirname, join } from "node:path";
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
    const code = await run(process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", nextFolder], {
      stdoutToStderr: true,
    });
    if (code !== 0) return code;
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

/** `npx performer` in the clone: npm links the commands of dependencies, but not the package's own. */
function linkCommand() {
  const link = join(root, "node_modules", ".bin", "performer");
  if (process.platform === "win32" || !existsSync(dirname(link))) return;
  rmSync(link, { force: true });
  symlinkSync(join("..", "..", "dist", "cli", "main.js"), link);
}

/** A digest of everything that decides what dist/ holds: the source, the compiler's options and its version. */
function sourceHash() {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => join("src", path));
  const settings = ["tsconfig.json", "tsconfig.build.json", join("node_modules", "typescript", "package.json")];
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
