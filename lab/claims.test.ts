/** What stands in the folder of every claim: the words, and the result of the full run that belongs to its code. */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

import { claims, experiments } from "./index.ts";

const lab = fileURLToPath(new URL(".", import.meta.url));

test("every folder with a claim or an experiment is in the tables, once", () => {
  const folders = readdirSync(lab, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(lab, entry.name, "run.ts")))
    .map(({ name }) => name);
  const named = [...claims.map(({ claim }) => claim), ...experiments.map(({ experiment }) => experiment)];
  expect(named.toSorted()).toEqual(folders.toSorted());
});

describe.each(claims.map((claim) => [claim.claim, claim] as const))("%s", (name, { published }) => {
  const read = (file: string) => readFileSync(join(lab, name, file), "utf8");

  test("has a README with the command that runs it, and its figure", () => {
    const text = read("README.md");
    expect(text).toContain(`performer lab run ${name}`);
    expect(text).toContain("(figure.svg)");
  });

  test("is in the laboratory's list", () => {
    expect(readFileSync(join(lab, "README.md"), "utf8")).toContain(`[${name}](${name}/README.md)`);
  });

  test("has the result of its full run, with the present published figures", () => {
    const result: unknown = JSON.parse(read("result.json"));
    expect(Object.keys(Object(result))).toEqual(["claim", "setting", "published", "measured", "holds"]);
    expect(result).toMatchObject({ claim: name, published, holds: expect.any(Boolean) });
  });

  test("has a figure that stands alone", () => {
    expect(read("figure.svg")).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<\/svg>\n$/);
  });
});

describe.each(experiments.map(({ experiment }) => experiment))("the experiment %s", (name) => {
  const read = (file: string) => readFileSync(join(lab, name, file), "utf8");

  test("has a README with the command that makes it, and the figure of a run", () => {
    expect(read("README.md")).toContain(`performer lab run ${name}`);
    expect(read("README.md")).toContain("(figure.svg)");
    expect(read("figure.svg")).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<\/svg>\n$/);
    expect(JSON.parse(read("result.json"))).toMatchObject({ experiment: name });
  });

  test("is in the laboratory's list", () => {
    expect(readFileSync(join(lab, "README.md"), "utf8")).toContain(`[${name}](${name}/README.md)`);
  });
});
