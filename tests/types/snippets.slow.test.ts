/** The examples of the documentation type-check as a user would check them, with the compilers that users have. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "performer-snippets-"));
const pages = ["README.md", "docs/library.md", "docs/errors.md"];

/** What an example takes from the one before it. */
const given = "declare const q: number[][], k: number[][], v: number[][];\n";

beforeAll(() => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "performer-ts"), "dir");
  symlinkSync(join(root, "node_modules", "@types"), join(folder, "node_modules", "@types"), "dir");
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  let count = 0;
  for (const page of pages) {
    for (const [, code = ""] of readFileSync(join(root, page), "utf8").matchAll(/```(?:js|ts)\n([\s\S]*?)```/g)) {
      const needs = code.includes("{ q, k, v }") && !/\bq\b.*\] = |const \{ q/.test(code);
      writeFileSync(join(folder, `example-${count++}.ts`), (needs ? given : "") + code);
    }
  }
  expect(count).toBeGreaterThan(12);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compilers = { "TypeScript 5.9": "typescript-5/bin/tsc", "TypeScript 7": "typescript/bin/tsc" };
const resolutions = {
  node16: { module: "node16", moduleResolution: "node16" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};
const cases = Object.entries(compilers).flatMap(([compiler, path]) =>
  Object.entries(resolutions).map(([resolution, options]) => ({ compiler, path, resolution, options })),
);

it.each(cases)("by $compiler, resolved as $resolution", ({ path, options }) => {
  const compilerOptions = {
    ...options,
    target: "es2022",
    lib: ["es2022", "dom", "dom.iterable", "esnext.disposable"],
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const { stdout } = spawnSync(process.execPath, [join(root, "node_modules", path), "-p", "."], {
    cwd: folder,
    encoding: "utf8",
  });
  // What other packages declare is theirs.
  const own = stdout.split("\n").filter((line) => /^(example-|.*performer-ts\/dist\/|.*\bdist\/)/.test(line));
  expect(own.filter((line) => !line.includes("node_modules/performer-ts/node_modules/"))).toEqual([]);
});
