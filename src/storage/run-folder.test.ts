import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { appendMetrics, readMetrics, truncateMetrics } from "./metrics.ts";
import { nextFreePath } from "./new-folder.ts";
import { createRunFolder, openRunFolder, readConfig, writeConfig, writeReport } from "./run-folder.ts";

let base = "";
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "performer-run-"));
});
afterEach(() => rm(base, { recursive: true, force: true }));

describe("createRunFolder", () => {
  test("creates the folder and those above it, and takes an empty one", async () => {
    const path = join(base, "runs", "demo");
    await createRunFolder(path);
    expect((await createRunFolder(path)).configPath).toBe(join(path, "config.json"));
    expect(await readdir(path)).toEqual([]);
  });

  test("refuses a folder that holds another run, names the ways out, and touches nothing", async () => {
    const path = join(base, "demo");
    await writeConfig(await createRunFolder(path), { seed: 5 });
    await expect(createRunFolder(path)).rejects.toThrow(
      /demo: the folder must be new or empty, got one with 1 file; choose another --out \(.*demo-2 is free\) or go on with .* --resume/,
    );
    expect(await readdir(path)).toEqual(["config.json"]);
  });

  test("refuses a path that is a file", async () => {
    await writeFile(join(base, "demo"), "text");
    await expect(createRunFolder(join(base, "demo"))).rejects.toThrow(/is a file, not a folder/);
  });
});

describe("openRunFolder", () => {
  test("finds a run again and reads its configuration", async () => {
    const path = join(base, "demo");
    await writeConfig(await createRunFolder(path), { model: { numLayers: 3 } });
    expect(await readConfig(await openRunFolder(path))).toEqual({ model: { numLayers: 3 } });
  });

  test("says when there is no folder, and what a folder that is no run holds", async () => {
    await expect(openRunFolder(join(base, "none"))).rejects.toThrow(/there is no such folder/);
    await expect(openRunFolder(base)).rejects.toThrow(/must hold config\.json, but the folder is empty/);
    for (const name of ["a", "b", "c", "d", "e"]) await writeFile(join(base, name), "");
    await expect(openRunFolder(base)).rejects.toThrow(
      /must hold config\.json, but it holds .* and 1 more; give the folder/,
    );
  });

  test("says that a configuration was cut short", async () => {
    const run = await createRunFolder(join(base, "demo"));
    await writeFile(run.configPath, '{"seed":');
    await expect(readConfig(run)).rejects.toThrow(/config\.json must be JSON, but .* cut short or edited/);
  });
});

test("nextFreePath numbers the runs and counts an empty folder as free", async () => {
  const path = join(base, "demo");
  expect(await nextFreePath(`${path}/`)).toBe(path);
  await mkdir(path);
  expect(await nextFreePath(path)).toBe(path);
  await writeFile(join(path, "config.json"), "{}");
  await writeFile(`${path}-2`, "a file takes the name too");
  expect(await nextFreePath(path)).toBe(`${path}-3`);
});

test("a configuration with a value that JSON cannot hold is refused, not changed", async () => {
  const run = await createRunFolder(join(base, "demo"));
  await expect(writeConfig(run, { clip: Infinity })).rejects.toThrow(
    /configuration must be a JSON value, but "clip" is Infinity/,
  );
  expect(await readdir(run.path)).toEqual([]);
});

test("writeReport writes the page", async () => {
  const run = await createRunFolder(join(base, "demo"));
  await writeReport(run, "<!doctype html>");
  expect(await readFile(run.reportPath, "utf8")).toBe("<!doctype html>");
});

describe("metrics", () => {
  test("are read as they were appended, with null for a loss that is not a number", async () => {
    const run = await createRunFolder(join(base, "demo"));
    expect(await readMetrics(run)).toEqual([]);
    await truncateMetrics(run, 3);
    await appendMetrics(run, { step: 1, trainLossNats: 2.5 });
    await appendMetrics(run, { step: 2, trainLossNats: Number.NaN });
    expect(await readMetrics(run)).toEqual([
      { step: 1, trainLossNats: 2.5 },
      { step: 2, trainLossNats: null },
    ]);
  });

  test("lose later steps and a torn last line when a run is resumed, so that it appends to whole lines", async () => {
    const run = await createRunFolder(join(base, "demo"));
    for (const step of [1, 2, 3, 5]) await appendMetrics(run, { step });
    await writeFile(run.metricsPath, `${await readFile(run.metricsPath, "utf8")}{"step":7,"tr`);
    expect((await readMetrics(run)).map(({ step }) => step)).toEqual([1, 2, 3, 5]);
    await truncateMetrics(run, 3);
    await appendMetrics(run, { step: 4 });
    expect(await readFile(run.metricsPath, "utf8")).toBe('{"step":1}\n{"step":2}\n{"step":3}\n{"step":4}\n');
  });

  test("name the line that is not a record", async () => {
    const run = await createRunFolder(join(base, "demo"));
    await writeFile(run.metricsPath, '{"step":1}\nnonsense\n{"step":2}\n');
    await expect(readMetrics(run)).rejects.toThrow(
      /metrics\.jsonl: line 2 must be a JSON object.*got nonsense; delete that line/,
    );
  });
});
