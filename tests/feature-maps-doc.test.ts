/** The table of feature maps in the documentation is that of the code. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { favorMechanisms } from "../src/attention/favor/favor.ts";
import { projectionNames } from "../src/attention/favor/projections.ts";

const text = readFileSync(new URL("../docs/feature-maps.md", import.meta.url), "utf8");

it("lists every map with its summary, in the order of the table", () => {
  const rows = text.split("\n").filter((line) => line.startsWith("| `favor"));
  const listed = rows.map((row) =>
    row
      .split(" | ")
      .slice(0, 2)
      .map((cell) => cell.replace(/^\| |`/g, "")),
  );
  expect(listed).toEqual(Object.values(favorMechanisms).map(({ name, summary }) => [name, summary]));
});

it.each(projectionNames)("names the projection %s", (name) => {
  expect(text).toContain(`\`${name}\``);
});
