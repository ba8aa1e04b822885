import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";

import type { NdArray } from "../graph/ndarray.ts";
import { readLatestCheckpoint, writeCheckpoint } from "./checkpoints.ts";
import { appendMetrics } from "./metrics.ts";
import { decodeSafetensors } from "./safetensors.ts";
import { readFileOrExplain } from "./files.ts";
import { createRunFolder, writeConfig, type RunFolder } from "./run-folder.ts";

/** Those of the newest checkpoint. */
async function readWeights({ modelPath }: RunFolder) {
  return decodeSafetensors(await readFileOrExplain(modelPath), { name: modelPath });
}

function filled(value: number, size = 7): Record<string, NdArray> {
  return { weight: { dtype: "float32", shape: [size], data: new Float32Array(size).fill(value) } };
}

function content(step: number, size = 7) {
  return { step, model: filled(step, size), optimizer: filled(-step, size), trainerState: { step, rng: [1, 2] } };
}

async function newRun(path: string): Promise<RunFolder> {
  const run = await createRunFolder(path);
  await writeConfig(run, { seed: 3 });
  return run;
}

async function checkpointNames(run: RunFolder): Promise<readonly string[]> {
  return (await readdir(run.path)).filter((name) => name.startsWith("checkpoint-")).toSorted();
}

describe("checkpoints", () => {
  let base = "";
  let run: RunFolder;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), "performer-checkpoints-"));
    run = await newRun(join(base, "demo"));
  });
  afterEach(() => rm(base, { recursive: true, force: true }));

  test("are read back whole, with the model at the top of the run", async () => {
    expect(await readLatestCheckpoint(run)).toBeUndefined();
    const path = await writeCheckpoint(run, { ...content(11), metadata: { format: "pt" } });
    expect((await readdir(path)).toSorted()).toEqual([
      "config.json",
      "model.safetensors",
      "optimizer.safetensors",
      "trainer_state.json",
    ]);
    const { keep: _, ...written } = { ...content(11), keep: undefined };
    expect(await readLatestCheckpoint(run)).toEqual({ ...written, path, metadata: { format: "pt" } });
    expect((await readWeights(run)).tensors).toEqual(filled(11));
    expect((await stat(run.modelPath)).nlink).toBe(2);
    expect(await readFile(join(path, "config.json"))).toEqual(await readFile(run.configPath));
  });

  test("replace the one before, which goes last", async () => {
    for (const step of [2, 3, 5]) await writeCheckpoint(run, content(step));
    expect((await readdir(run.path)).toSorted()).toEqual(["checkpoint-5", "config.json", "model.safetensors"]);
    expect((await readWeights(run)).tensors).toEqual(filled(5));
  });

  test("stay as many as keep says, by step and not by name", async () => {
    for (const step of [9, 10, 100, 101]) await writeCheckpoint(run, { ...content(step), keep: 3 });
    expect(await checkpointNames(run)).toEqual(["checkpoint-10", "checkpoint-100", "checkpoint-101"]);
    expect((await readLatestCheckpoint(run))?.step).toBe(101);
  });

  test("of the same step are replaced", async () => {
    await writeCheckpoint(run, content(5));
    await writeCheckpoint(run, { ...content(5), model: filled(50) });
    expect((await readLatestCheckpoint(run))?.model).toEqual(filled(50));
    expect(await checkpointNames(run)).toEqual(["checkpoint-5"]);
  });

  test("that a killed process left unfinished are ignored, and removed by the next write", async () => {
    const path = await writeCheckpoint(run, content(5));
    await mkdir(`${join(run.path, "checkpoint-7")}.partial-0123abcd`);
    await writeFile(`${run.modelPath}.partial-0123abcd`, "half of it");
    expect((await readLatestCheckpoint(run))?.path).toBe(path);
    await writeCheckpoint(run, content(7));
    expect((await readdir(run.path)).toSorted()).toEqual(["checkpoint-7", "config.json", "model.safetensors"]);
  });

  test("that were set aside by an interrupted replacement are found under that name", async () => {
    const path = await writeCheckpoint(run, content(5));
    await rename(path, `${path}.replaced-0123abcd`);
    expect((await readLatestCheckpoint(run))?.step).toBe(5);
    await writeCheckpoint(run, content(5));
    await cp(path, `${path}.replaced-0123abcd`, { recursive: true });
    expect((await readLatestCheckpoint(run))?.path).toBe(path);
    await writeCheckpoint(run, content(7));
    expect(await checkpointNames(run)).toEqual(["checkpoint-7"]);
  });

  test("that are cut short are named, together with an older whole one", async () => {
    for (const step of [2, 3, 5]) await writeCheckpoint(run, { ...content(step), keep: 3 });
    await truncate(join(run.path, "checkpoint-5", "optimizer.safetensors"), 90);
    await rm(join(run.path, "checkpoint-3", "trainer_state.json"));
    await expect(readLatestCheckpoint(run)).rejects.toThrow(
      /newest checkpoint .*checkpoint-5 is damaged: .*optimizer\.safetensors: .*cut short.* An older one is whole: .*checkpoint-2; delete .*checkpoint-5/,
    );
  });

  test("that are damaged with no other are named, with what to do", async () => {
    await writeCheckpoint(run, content(5));
    await writeFile(join(run.path, "checkpoint-5", "trainer_state.json"), '{"step"');
    await expect(readLatestCheckpoint(run)).rejects.toThrow(
      /checkpoint-5 is damaged: .*trainer_state\.json must be JSON.*no older one/,
    );
  });

  test("refuse a state that would not read back the same, before anything is written", async () => {
    await writeCheckpoint(run, content(5));
    const bad = { ...content(7), trainerState: { bestLossNats: Number.NaN } };
    await expect(writeCheckpoint(run, bad)).rejects.toThrow(
      /trainerState must be a JSON value, but "bestLossNats" is NaN/,
    );
    await expect(writeCheckpoint(run, { ...content(7), keep: 0 })).rejects.toThrow(
      /keep must be an integer ≥ 1, got 0/,
    );
    expect(await checkpointNames(run)).toEqual(["checkpoint-5"]);
  });
});

// A real small disk needs the right to mount one.
const disk = mkdtempSync(join(tmpdir(), "performer-disk-"));
const canMount =
  process.platform === "linux" && spawnSync("/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status === 0;
afterAll(() => {
  if (canMount) spawnSync("/bin/umount", [disk]);
  rmSync(disk, { recursive: true, force: true });
});

describe.skipIf(!canMount)("on a disk of one megabyte", () => {
  test("a checkpoint that does not fit says so, and the earlier one is whole", async () => {
    const run = await newRun(join(disk, "full"));
    const path = await writeCheckpoint(run, content(5, 50_000));
    await appendMetrics(run, { step: 5 });
    const error: unknown = await writeCheckpoint(run, content(7, 100_000)).catch((reason: unknown) => reason);
    expect(String(error)).toMatch(
      /disk full: .*checkpoint-7 needs 80\d{4} bytes, [56]\d{5} free; free some space or choose another --out; nothing was lost: the previous checkpoint is at .*full\/checkpoint-5\.$/,
    );
    expect((await readdir(run.path)).toSorted()).toEqual([
      "checkpoint-5",
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
    ]);
    const { path: found, model } = (await readLatestCheckpoint(run)) ?? {};
    expect(found).toBe(path);
    expect(model).toEqual(filled(5, 50_000));
    expect((await readWeights(run)).tensors).toEqual(filled(5, 50_000));
  });

  test("a metrics line that does not fit leaves the lines before it whole", async () => {
    const run = await newRun(join(disk, "metrics"));
    await appendMetrics(run, { step: 1 });
    await expect(appendMetrics(run, { step: 2, text: "x".repeat(2_000_000) })).rejects.toThrow(
      /disk full: .*metrics\.jsonl needs 2000\d{3} bytes/,
    );
    expect(await readFile(run.metricsPath, "utf8")).toBe('{"step":1}\n');
  });

  test("a disk that became read-only is told apart from a full one", async () => {
    const run = await newRun(join(disk, "readonly"));
    const path = await writeCheckpoint(run, content(5));
    spawnSync("/bin/mount", ["-o", "remount,ro", disk]);
    await expect(writeCheckpoint(run, content(7))).rejects.toThrow(
      new RegExp(
        `the disk is read-only; choose another --out; nothing was lost: the previous checkpoint is at ${path}`,
      ),
    );
    spawnSync("/bin/mount", ["-o", "remount,rw", disk]);
    expect((await readLatestCheckpoint(run))?.step).toBe(5);
  });
});
