/** `performer lab`: what it prints, writes and refuses, with claims that take no time, and once with the real ones. */

import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as Plot from "@observablehq/plot";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { claims } from "../../../lab/index.ts";
import { defineClaim, defineExperiment, type Claim, type Experiment } from "../../lab/index.ts";
import { ConfigError, problem } from "../../graph/errors.ts";
import { describeFailure } from "../failures.ts";
import { UsageError } from "../../runs/usage.ts";
import { labCommand } from "./command.ts";
import { loadBuiltLab } from "./load-lab.ts";
import { formatClaimResult } from "../../tasks/lab/summary.ts";
import { renderSvgFile } from "../../views/svg-file.ts";

const figure = {
  label: "one & two",
  height: 100,
  plot: () => ({ marks: [Plot.dot([[1, 2]]), Plot.text([[1, 2]], { text: () => "a < b\u00a0& c" })] }),
};

const holding = defineClaim({
  claim: "two-is-two",
  title: "Two is two.",
  published: { ratio: 1 },
  run: async ({ quick, onProgress }) => {
    onProgress(1, 1, "both");
    return { setting: { quick, seed: 2009 }, measured: { ratio: 1 }, holds: true, figure };
  },
});

const failing = defineClaim({
  claim: "two-is-three",
  title: "Two is three.",
  published: "two is three",
  run: async () => ({ setting: { numDraws: 1e5 }, measured: { ratio: 2 / 3 }, holds: false, figure }),
});

const counting = defineExperiment({
  experiment: "count",
  title: "Counts.",
  examples: [["count --to 3", "three rows"]],
  options: [
    { flags: "--to <number>", description: "how far", default: "2" },
    { flags: "--by <step>", description: "in which steps", choices: ["one", "two"] },
  ],
  run: async ({ to, by }, { quick, onProgress, onNote }) => {
    if (Number.isNaN(Number(to)))
      throw new ConfigError(problem`--to must be a number, got '${String(to)}'; leave it out for 2`);
    onNote("begins");
    onProgress(1, 1, "counting");
    const rows = Array.from({ length: Number(to) }, (_, index) => [`row ${index}`, index]);
    return {
      setting: { to: Number(to), by: by ?? "nothing", quick },
      measured: { rows: rows.length },
      table: { header: ["name", "number"], rows },
      figure,
    };
  },
});

let folder = "";
let stdout = "";
let stderr = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "performer-lab-"));
  [stdout, stderr] = ["", ""];
  process.exitCode = undefined;
  const take = (keep: (text: string) => void) => (chunk: unknown, done?: unknown) => {
    keep(String(chunk));
    if (typeof done === "function") done();
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(take((text) => (stdout += text)));
  vi.spyOn(process.stderr, "write").mockImplementation(take((text) => (stderr += text)));
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

async function lab(
  args: readonly string[],
  table: readonly Claim[] = [holding, failing],
  experiments: readonly Experiment[] = [],
): Promise<void> {
  await labCommand(async () => ({ claims: table, experiments })).parseAsync([...args], { from: "user" });
}

describe("lab list", () => {
  test("--json prints name, title and published figures of every claim, and nothing else", async () => {
    await lab(["list", "--json"], claims);
    const expected = claims.map(({ claim, title, published }) => ({ claim, title, published }));
    expect(JSON.parse(stdout)).toEqual({ claims: expected, experiments: [] });
    expect(stderr).toBe("");
  });

  test("prints a line for each claim", async () => {
    await lab(["list"]);
    expect(stdout.split("\n").slice(2)).toEqual(["two-is-two    Two is two.", "two-is-three  Two is three.", ""]);
  });
});

describe("an experiment", () => {
  const run = (...args: readonly string[]) => lab(["run", "count", ...args], [], [counting]);

  test("takes its own options, and writes and prints what came out", async () => {
    await run("--to", "3", "--by", "two", "--out", folder);
    expect(stdout).toMatch(/^row 2 +2$/m);
    expect(JSON.parse(readFileSync(join(folder, "result.json"), "utf8"))).toEqual({
      experiment: "count",
      setting: { to: 3, by: "two", quick: false },
      measured: { rows: 3 },
    });
    expect(stderr).toContain("lab count: begins\n");
  });

  test("--json prints the result alone", async () => {
    await run("--json", "--quick", "--out", folder);
    expect(JSON.parse(stdout)).toMatchObject({ setting: { to: 2, by: "nothing", quick: true } });
  });

  test("shows its options in its help", async () => {
    await expect(run("--help")).rejects.toMatchObject({ exitCode: 0 });
    expect(stdout).toMatch(/--by <step> +in which steps \(choices: "one", "two"\)/);
    expect(stdout).toContain("performer lab run count --to 3  three rows");
  });

  test("is listed behind the claims", async () => {
    await lab(["list"], [holding], [counting]);
    expect(stdout).toMatch(/two-is-two[\s\S]*count +Counts\./);
  });

  test("refuses unknown options, choices and values as wrong usage", async () => {
    await expect(run("--too", "3")).rejects.toMatchObject({ code: "commander.unknownOption" });
    expect(stderr).toContain("performer lab run count: unknown option '--too'; did you mean --to?");
    await expect(run("--by", "three")).rejects.toMatchObject({ code: "commander.invalidArgument" });
    await expect(run("--to", "x")).rejects.toThrow(UsageError);
  });
});

describe("lab run", () => {
  test("--json prints the result alone, and writes it and its figure", async () => {
    const out = join(folder, "a", "b");
    await lab(["run", "two-is-two", "--quick", "--json", "--out", out]);
    const result: unknown = JSON.parse(stdout);
    expect(Object.keys(Object(result))).toEqual(["claim", "setting", "published", "measured", "holds"]);
    expect(result).toEqual({
      claim: "two-is-two",
      setting: { quick: true, seed: 2009 },
      published: { ratio: 1 },
      measured: { ratio: 1 },
      holds: true,
    });
    expect(readdirSync(out).toSorted()).toEqual(["figure.svg", "result.json"]);
    expect(readFileSync(join(out, "result.json"), "utf8")).toBe(stdout);
    expect(readFileSync(join(out, "figure.svg"), "utf8")).toBe(renderSvgFile(figure));
    expect(stderr).toContain("lab two-is-two 1/1 (100 %)");
    expect(stderr).toContain(`lab two-is-two: written to ${join(out, "result.json")} and ${join(out, "figure.svg")}\n`);
  });

  test("of a claim that does not hold says so, and is no failure", async () => {
    await lab(["run", "two-is-three", "--json", "--out", folder]);
    expect(JSON.parse(stdout)).toMatchObject({ measured: { ratio: 2 / 3 }, holds: false });
    expect(process.exitCode).toBeUndefined();
  });

  test("prints the figures for people, and where the files are", async () => {
    await lab(["run", "two-is-three", "--out", folder]);
    expect(stdout).toBe(
      [
        "two-is-three: Two is three.",
        "holds: no",
        "",
        "setting",
        "  numDraws  100,000",
        "",
        "published   two is three",
        "",
        "measured",
        "  ratio     0.6667",
        "",
        "holds       no",
        `result      ${join(folder, "result.json")}`,
        `figure      ${join(folder, "figure.svg")}`,
        "",
      ].join("\n"),
    );
  });

  test("all runs every claim, each into a folder of its own", async () => {
    await lab(["run", "all", "--json", "--out", folder]);
    expect(JSON.parse(stdout)).toMatchObject({
      results: [
        { claim: "two-is-two", holds: true },
        { claim: "two-is-three", holds: false },
      ],
    });
    expect(readdirSync(folder).toSorted()).toEqual(["two-is-three", "two-is-two"]);
  });

  test("options before the name and behind it mean the same", async () => {
    await lab(["run", "--quick", "--out", folder, "two-is-two", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ setting: { quick: true } });
    expect(readdirSync(folder)).toContain("result.json");
  });

  test("refuses an unknown claim as wrong usage, and names the nearest", async () => {
    const error: unknown = await lab(["run", "two-is-twoo"]).catch((reason: unknown) => reason);
    expect(describeFailure("performer lab", error, false)).toEqual({
      exitCode: 2,
      text: "performer lab: there is no claim or experiment 'two-is-twoo'; did you mean two-is-two? performer lab list names them all\n",
    });
    await expect(lab(["run", "entropy"])).rejects.toThrow(
      "no claim or experiment 'entropy'; performer lab list names them all",
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("the summary", () => {
  test("tells long lists by their ends, and leaves the rest to the file", () => {
    const measured = {
      few: [1, 2.34567, null],
      many: Array.from({ length: 11 }, (_, index) => index / 10),
      rows: [{ length: 64, isExact: true }],
      table: Array.from({ length: 13 }, (_, index) => ({ index })),
    };
    const result = { claim: "x", setting: {}, published: "", measured, holds: true };
    const text = formatClaimResult("X.", result, { resultPath: "r", figurePath: "f" });
    expect(text).toMatch(/few +1, 2\.346, –\n/);
    expect(text).toMatch(/many +11 values, 0 … 1\n/);
    expect(text).toMatch(/rows\[0\]\.length +64\n +rows\[0\]\.isExact +yes\n/);
    expect(text).toMatch(/table +13 entries, in result\.json\n/);
  });
});

describe("the compiled claims", () => {
  test("that are not there are missed by name", async () => {
    const table = pathToFileURL(join(folder, "index.js"));
    await expect(loadBuiltLab(table)).rejects.toThrow(/index\.js: not found .*; run npm run build/);
  });
});

describe("a figure's file", () => {
  test("is one picture with its namespace, a white background, and text that XML can hold", () => {
    const svg = renderSvgFile(figure);
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).toMatch(/^<svg [^>]*style="background: white;/);
    expect(svg).toMatch(/^<svg [^>]*aria-label="one &amp; two"/);
    expect(svg).toContain("a &lt; b\u00a0&amp; c");
    expect(svg.endsWith("</svg>\n")).toBe(true);
    const clipped = { ...figure, plot: () => ({ clip: true, marks: [Plot.dot([[1, 2]])] }) };
    expect(renderSvgFile(clipped)).toMatch(/<clipPath id="[^"]+"><rect [^>]+\/><\/clipPath>/);
  });

  test("has no colours of a page and no HTML around it", () => {
    const coloured = { ...figure, plot: () => ({ marks: [Plot.dot([[1, 2]], { stroke: "var(--train)" })] }) };
    expect(() => renderSvgFile(coloured)).toThrow(/colours must be values in a file, got the CSS variable --train/);
    const titled = { ...figure, plot: () => ({ title: "Two", marks: [Plot.dot([[1, 2]])] }) };
    expect(() => renderSvgFile(titled)).toThrow(/the picture must be one <svg>, got a <figure>/);
  });
});
