// The Markdown of the repository as pages of the site: which, in which order, and with links that lead somewhere there.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { root } from "../process.mjs";

/** @typedef {{ readonly path: string, readonly text: string }} Page path below the site's folder */

/** @type {Readonly<Record<string, readonly string[]>>} */
const chapters = {
  Guide: [
    "docs/library.md",
    "docs/commands.md",
    "docs/errors.md",
    "docs/limits.md",
    "docs/browsers.md",
    "docs/environment.md",
  ],
  Subjects: [
    "docs/proteins.md",
    "docs/data.md",
    "docs/pretrained.md",
    "docs/distillation.md",
    "docs/export.md",
    "docs/mechanisms.md",
    "docs/feature-maps.md",
  ],
  "Behind it": [
    "docs/performance.md",
    "docs/paper-map.md",
    "docs/architecture.md",
    "docs/reproducibility.md",
    "docs/dependencies.md",
    "docs/log.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "data/README.md",
  ],
};

/** Where a file of the repository stands in the site; undefined for files that are no pages of it. */
function siteOf(/** @type {string} */ file) {
  if (file === "README.md") return "index.md";
  if (/^lab\/(?:[\w-]+\/)*README\.md$/.test(file)) return file.replace(/README\.md$/, "index.md");
  return Object.values(chapters).some((files) => files.includes(file)) ? file : undefined;
}

/** Claims and experiments, and the readings of `performer bench` that need more than the package. */
function labFiles() {
  return readdirSync(join(root, "lab"), { recursive: true, encoding: "utf8" })
    .map((name) => `lab/${name.replaceAll("\\", "/")}`)
    .filter((name) => siteOf(name) !== undefined)
    .toSorted();
}

export function collectPages() {
  const lab = labFiles();
  const files = ["README.md", ...Object.values(chapters).flat(), ...lab];
  /** @type {Map<string, string>} */
  const pictures = new Map();
  const texts = files.map((file) => ({
    path: siteOf(file) ?? file,
    text: withLinks(readFileSync(join(root, file), "utf8"), file, pictures),
  }));
  /** @param {readonly string[]} listed */
  const items = (listed) => listed.map((file) => ({ text: titleOf(file), link: `/${siteOf(file) ?? file}` }));
  const sidebar = [
    ...Object.entries(chapters).map(([text, listed]) => ({ text, items: items(listed) })),
    { text: "Recipes", link: "/recipes.md" },
    { text: "The laboratory", collapsed: true, items: items(lab) },
  ];
  return { texts, sidebar, pictures: [...pictures].map(([from, to]) => ({ from, to })) };
}

/** Fenced code, a link or a picture, or code in a line; whichever begins first. */
const LINK = /```[\s\S]*?```|(!?)\[((?:[^[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)|`[^`\n]*`/g;

/**
 * @param {string} text
 * @param {string} file
 * @param {Map<string, string>} pictures
 */
function withLinks(text, file, pictures) {
  return text.replaceAll(
    LINK,
    (
      whole,
      /** @type {string | undefined} */ mark,
      /** @type {string | undefined} */ label,
      /** @type {string | undefined} */ target,
    ) => (target === undefined ? whole : linked(file, mark ?? "", label ?? "", target, pictures)),
  );
}

/**
 * A link as the site has it: to a page, to a picture, or, for a file that is none of both, the file's name alone.
 *
 * @param {string} file
 * @param {string} mark
 * @param {string} label
 * @param {string} target
 * @param {Map<string, string>} pictures
 */
function linked(file, mark, label, target, pictures) {
  if (/^[a-z]+:|^#/.test(target)) return `${mark}[${label}](${target})`;
  const [path = "", anchor] = target.split("#");
  const found = posix.normalize(posix.join(dirname(file), path));
  if (!existsSync(join(root, found))) throw new Error(`docs: ${file} links to ${target}, which is not there`);
  if (/\.(?:svg|png)$/.test(found)) {
    pictures.set(found, `public/${found}`);
    return `${mark}[${label}](/${found})`;
  }
  const page = siteOf(found);
  if (page === undefined) return label;
  return `[${label}](/${page}${anchor === undefined ? "" : `#${anchor}`})`;
}

/** @param {string} file */
function titleOf(file) {
  const [, title = file] = /^# (.+)$/m.exec(readFileSync(join(root, file), "utf8")) ?? [];
  return title;
}
