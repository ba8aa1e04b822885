/** How comments are written: docstrings that stand alone, within the formatter's width. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../", import.meta.url);
const WIDTH = 120;

const lines = ["src", "lab", "scripts", "examples"].flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|mjs)$/.test(name) && !name.includes("node_modules"))
    .flatMap((name) =>
      readFileSync(new URL(`${folder}/${name}`, root), "utf8")
        .split("\n")
        .map((text, index) => ({ text, where: `${folder}/${name}:${index + 1}` })),
    ),
);

describe("a comment", () => {
  it("says what something is, and does not begin with 'Of', 'Told' or 'As'", () => {
    const opening = /^\s*\/\*\* (?:Of|Told|As)\b/;
    expect(lines.filter(({ text }) => opening.test(text)).map(({ where }) => where)).toEqual([]);
    const opened = lines.filter(
      ({ text }, index) => /^\s*\* (?:Of|Told|As)\b/.test(text) && /^\s*\/\*\*$/.test(lines[index - 1]?.text ?? ""),
    );
    expect(opened.map(({ where }) => where)).toEqual([]);
  });

  it("stays within the formatter's width", () => {
    const long = lines.filter(({ text }) => text.length > WIDTH && /^\s*(?:\/\/|\*|\/\*\*)/.test(text));
    expect(long.map(({ where }) => where)).toEqual([]);
  });
});
