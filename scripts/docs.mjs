// `npm run docs`: the documentation as a site, from the Markdown of the repository and the package's types, into
// .docs/dist. Needs no network. `npm run docs -- --preview` serves it.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createServer, build } from "vitepress";
import { build as buildPackage, isBuilt } from "./build.mjs";
import { apiPages } from "./docs/api.mjs";
import { collectPages } from "./docs/pages.mjs";
import { root, say } from "./process.mjs";

const source = join(root, ".docs");

if (!isBuilt() && (await buildPackage()) !== 0) process.exit(1);

rmSync(source, { recursive: true, force: true });
const pages = collectPages();
const api = apiPages();
for (const { path, text } of [...pages.texts, ...api]) write(path, text);
for (const { from, to } of pages.pictures) {
  const target = join(source, to);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(root, from), target);
}
const recipes = readdirSync(join(root, "configs")).map((name) => {
  const text = readFileSync(join(root, "configs", name), "utf8");
  return (
    `## ${name.replace(/\.jsonc$/, "")}\n\n\`performer train ` +
    `${name.replace(/\.jsonc$/, "")}\`\n\n\`\`\`jsonc\n${text}\`\`\`\n`
  );
});
write(
  "recipes.md",
  `# Recipes\n\nThe recipes that come with the package. A file of your own in this form is one ` +
    `too.\n\n${recipes.join("\n")}`,
);
write(
  ".vitepress/config.mjs",
  `export default ${JSON.stringify(
    {
      title: "performer-ts",
      description: "Transformers whose attention costs linear time and memory, for TypeScript.",
      outDir: "dist",
      cleanUrls: false,
      themeConfig: {
        search: { provider: "local" },
        outline: [2, 3],
        nav: [
          { text: "Guide", link: "/docs/library.html" },
          { text: "API", link: "/api/index.html" },
          { text: "Claims", link: "/lab/index.html" },
        ],
        sidebar: [
          ...pages.sidebar,
          { text: "API", collapsed: true, items: api.map(({ path, title }) => ({ text: title, link: `/${path}` })) },
        ],
      },
    },
    null,
    2,
  )};\n`,
);
// Dead links end the build.
await build(source);
say(`docs: ${pages.texts.length + api.length + 1} pages in .docs/dist`);

if (process.argv.includes("--preview")) {
  const server = await createServer(source);
  await server.listen();
  server.printUrls();
}

/**
 * @param {string} path
 * @param {string} text
 */
function write(path, text) {
  const target = join(source, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}
