/** What users of a command line expect of any: help that fits a screen, --quiet and --verbose, completion, signals. */

import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createWorkplace, oneThread, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();
const training = ["train", "--fasta", "tiny.fasta", ...oneThread, ...tinyModel];

beforeAll(() => {
  place.write("tiny.fasta", tinyFasta());
});
afterAll(() => place[Symbol.dispose]());

it("lists all verbs on one screen, the most used first", async () => {
  const { code, stdout } = await place.run("--help");
  const lines = stdout.trimEnd().split("\n");
  expect(code).toBe(0);
  expect(lines.length).toBeLessThan(24);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  const verbs = lines.flatMap((line) => /^  ([a-z]+) {2,}\S/.exec(line)?.[1] ?? []);
  expect(verbs.slice(0, 4)).toEqual(["demo", "train", "eval", "generate"]);
  for (const verb of verbs) expect((await place.run(verb, "--help")).stdout).toMatch(/Examples:\n {2}performer /);
});

describe("on standard error", () => {
  it("says nothing with --quiet, errors excepted", async () => {
    const { code, stderr, stdout } = await place.run(...training, "--set", "steps=3", "--out", "still", "--quiet");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/run {2,}still/);
    expect(await place.run("eval", "nowhere", "-q")).toMatchObject({ code: 1, stderr: /./ });
  });

  it("tells the engine's times with --verbose, and where an error was thrown", async () => {
    const { stderr } = await place.start("eval", "nowhere", "--verbose").finished;
    expect(stderr).toMatch(/^performer eval: nowhere: .*\n.*\n?\s+at /m);
    expect((await place.run("eval", "still", "--quiet", "--verbose")).code).toBe(2);
  });
});

it("ends in order when its terminal is closed, and goes on from there", async () => {
  const running = place.start(...training, "--set", "steps=100000,checkpointInterval=100000", "--out", "hung");
  await running.says("train 1/");
  running.child.kill("SIGHUP");
  const { code, stderr } = await running.finished;
  expect(code, stderr).toBe(129);
  expect(stderr).toMatch(/checkpoint written; continue with: .*train --resume hung/);
});

describe("completion", () => {
  /** What bash offers for the last word of a line. */
  async function offered(...words: string[]): Promise<readonly string[]> {
    const { stdout } = await place.run("completion", "bash");
    const script = `${stdout}
COMP_WORDS=(performer "$@"); COMP_CWORD=$#; _performer; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const printed = execFileSync("bash", ["-c", script, "bash", ...words], { encoding: "utf8" });
    return printed.split("\n").filter((word) => word !== "");
  }

  it("offers verbs, options and choices in bash", async () => {
    expect(await offered("tr")).toEqual(["train"]);
    expect(await offered("train", "--res")).toEqual(["--resume"]);
    expect(await offered("eval", "runs/demo", "--split", "t")).toEqual(["train", "test"]);
    expect(await offered("bench", "att")).toEqual(["attention"]);
    expect(await offered("bench", "attention", "--head")).toEqual(["--heads", "--head-dim"]);
    expect(await offered("train", "my-file")).toEqual([]);
  });

  it("has a script for each shell, and refuses others", async () => {
    expect((await place.run("completion", "zsh")).stdout).toMatch(/^autoload -U \+X bashcompinit/);
    expect((await place.run("completion", "fish")).stdout).toContain(
      "complete -c performer -n '__fish_seen_subcommand_from train' -l resume",
    );
    expect(await place.run("completion", "tcsh")).toMatchObject({ code: 2, stdout: "" });
  });
});
