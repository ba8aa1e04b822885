/** The documentation's site is built from what there is, and every link in it leads somewhere. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const dist = join(root, ".docs", "dist");

it("is built without a network, with pages for the guide, the API, the recipes and the claims, and without a dead link", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts", "docs.mjs")], {
    cwd: root,
    encoding: "utf8",
    // No host answers there.
    env: { ...process.env, HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" },
  });
  expect(status, stderr).toBe(0);
  const pages = readdirSync(dist, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".html") && name !== "404.html");
  expect(pages).toEqual(
    expect.arrayContaining([
      "index.html",
      "docs/library.html",
      "docs/paper-map.html",
      "api/root.html",
      "recipes.html",
      "lab/unsigned-qr/index.html",
    ]),
  );
  const texts = new Map(pages.map((page) => [page, readFileSync(join(dist, page), "utf8")]));
  const dead: string[] = [];
  let links = 0;
  for (const [page, text] of texts) {
    for (const [, target = ""] of text.matchAll(/(?:href|src)="([^"]+)"/g)) {
      if (/^(?:[a-z]+:|\/\/)/.test(target)) continue;
      links += 1;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : posix.normalize(posix.join(path.startsWith("/") ? "" : dirname(page), path));
      const found = file.replace(/^\//, "").replace(/(^|\/)$/, "$1index.html");
      const id = anchor && decodeURIComponent(anchor);
      const isThere = existsSync(join(dist, found)) && (!id || (texts.get(found)?.includes(`id="${id}"`) ?? false));
      if (!isThere) dead.push(`${page}: ${target}`);
    }
  }
  expect(links).toBeGreaterThan(1000);
  expect([...new Set(dead)]).toEqual([]);
});
