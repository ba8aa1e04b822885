/** A run that was stopped and resumed is, byte for byte, the run that never stopped. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createWorkplace, digestOfFile, oneThread, parseOnly, snapshot, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();
const common = [...oneThread, "--fasta", "tiny.fasta", ...tinyModel];

/** Weights, projections and moments. */
function tensorsOf(run: string, step: number): readonly string[] {
  const files = ["model.safetensors", "optimizer.safetensors"].map((name) =>
    place.path(run, `checkpoint-${step}`, name),
  );
  return [place.path(run, "model.safetensors"), ...files].map(digestOfFile);
}

/** The records without what depends on the clock. */
function metricsOf(run: string): readonly unknown[] {
  const lines = readFileSync(place.path(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => ({ ...JSON.parse(line), elapsedSeconds: null }));
}

beforeAll(() => {
  place.write("tiny.fasta", tinyFasta());
});
afterAll(() => place[Symbol.dispose]());

describe("a constant schedule", () => {
  const constant = ["--set", "schedule=constant", "--set", "checkpointInterval=5"];

  it("gives the same after 6 + 6 steps as after 12, with dropout and with redraws on both sides", async () => {
    const whole = await place.run("train", ...common, ...constant, "--set", "steps=12", "--out", "whole");
    const half = await place.run("train", ...common, ...constant, "--set", "steps=6", "--out", "halves");
    expect([whole.code, half.code]).toEqual([0, 0]);
    expect(tensorsOf("halves", 6)).not.toEqual(tensorsOf("whole", 12));
    const rest = await place.run("train", "--resume", "halves", "--set", "training.steps=12", "--json");
    expect(rest.code).toBe(0);
    expect(parseOnly(rest.stdout)).toMatchObject({ step: 12, steps: 12, interrupted: false });
    expect(tensorsOf("halves", 12)).toEqual(tensorsOf("whole", 12));
  });

  it("goes on by the command that began it with --resume added, and refuses one that says something else", async () => {
    const command = [...common, ...constant, "--set", "steps=3", "--out", "again"];
    expect((await place.run("train", ...command)).code).toBe(0);
    expect((await place.run("train", ...command, "--resume", "--json")).code).toBe(0);
    const before = snapshot(place.path("again"));
    const other = await place.run("train", ...command, "--set", "training.learningRate=0.5", "--resume");
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/--resume: training\.learningRate is 0\.001 in again, got 0\.5/);
    const nowhere = await place.run("train", "--resume");
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toMatch(/--resume must name the run's folder, got none; write --resume FOLDER/);
    expect(snapshot(place.path("again"))).toEqual(before);
  });

  it("goes on where the data are now, when they were moved, and refuses others", async () => {
    place.write("moved.fasta", tinyFasta());
    place.write("changed.fasta", tinyFasta().replace("M", "A"));
    const before = snapshot(place.path("halves"));
    const refused = await place.run("train", "--resume", "halves", "--fasta", "changed.fasta");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/changed\.fasta: a resumed run must go on with the sequences that it began with/);
    expect(snapshot(place.path("halves"))).toEqual(before);
    const moved = await place.run("train", "--resume", "halves", "--fasta", "moved.fasta");
    expect(moved.code).toBe(0);
  });
});

describe("Ctrl-C", () => {
  const long = ["--set", "steps=400", "--set", "evalInterval=50"];

  it("finishes the step, writes a checkpoint, says how to go on; going on gives the run that never stopped", async () => {
    const stopped = place.start("train", ...common, ...long, "--out", "stopped", "--json");
    await stopped.says("train 1/400");
    stopped.child.kill("SIGINT");
    const { code, stdout, stderr } = await stopped.finished;
    expect(code).toBe(130);
    const result = parseOnly(stdout);
    expect(result).toMatchObject({ interrupted: true, steps: 400, evaluations: [], samples: [], report: null });
    expect(result).toHaveProperty("step", expect.any(Number));
    expect(Number(Reflect.get(Object(result), "step"))).toBeLessThan(400);
    expect(stderr).toMatch(/continue with: node .*main\.js train --resume stopped/);

    const rest = await place.run("train", "--resume", "stopped", "--json");
    expect(rest.code).toBe(0);
    expect(parseOnly(rest.stdout)).toMatchObject({ step: 400, interrupted: false });
    const whole = await place.run("train", ...common, ...long, "--out", "never-stopped");
    expect(whole.code).toBe(0);
    expect(tensorsOf("stopped", 400)).toEqual(tensorsOf("never-stopped", 400));
    expect(metricsOf("stopped")).toEqual(metricsOf("never-stopped"));
  });

  it("a run that is complete but for its report gets it by --resume, and no step more", async () => {
    const before = tensorsOf("stopped", 400);
    const { code, stderr } = await place.run("train", "--resume", "stopped");
    expect(code).toBe(0);
    expect(stderr).toContain("all 400 steps are done");
    expect(tensorsOf("stopped", 400)).toEqual(before);
  });
});

describe("what --resume refuses", () => {
  it.each([
    [["--set", "training.learningRate=1"], /training\.learningRate would change what has been trained already/],
    [["--set", "training.steps=500"], /the schedule 'cosine' ends at step 400/],
    [["--seed", "3"], /takes its configuration from the run folder, got --seed/],
    [["--out", "other"], /takes its configuration from the run folder, got --out/],
    [["family"], /takes its configuration from the run folder, got the recipe 'family'/],
  ])("%j, with exit code 2 and the run untouched", async (args, message) => {
    const before = snapshot(place.path("stopped"));
    const { code, stdout, stderr } = await place.run("train", "--resume", "stopped", ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(snapshot(place.path("stopped"))).toEqual(before);
  });
});
