/** The README's links and pictures work in the published package, too. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

it("links to files that are there, and published", () => {
  const { files }: { files: readonly string[] } = JSON.parse(read("package.json"));
  const links = [...read("README.md").matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map(([, path = ""]) => path);
  const own = links.filter((path) => !path.startsWith("https://"));
  expect(own.length).toBeGreaterThan(20);
  const isPublished = (path: string) =>
    files.some((entry) =>
      entry.includes("*") ? globOf(entry).test(path) : path === entry || path.startsWith(`${entry}/`),
    );
  expect(own.filter((path) => !existsSync(new URL(path, root)) || !isPublished(path))).toEqual([]);
});

/** `lab/**\/*.md` as npm reads it. */
function globOf(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .replaceAll(".", "\\.")
      .replace("**/", "(.+/)?")
      .replace(/(?<!\))\*/, "[^/]*")}$`,
  );
}
