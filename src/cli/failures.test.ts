/** What a failed command says: known errors in one sentence, defects as such, and nothing about a closed pipe. */

import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";

import { ConfigError, problem } from "../graph/errors.ts";
import { StorageError } from "../storage/errors.ts";
import { describeFailure } from "./failures.ts";
import { asUsage, UsageError } from "../runs/usage.ts";

describe("describeFailure", () => {
  it("tells a known error in its own words, without a stack", () => {
    expect(describeFailure("performer eval", new StorageError(problem`run: not there.`), false)).toEqual({
      exitCode: 1,
      text: "performer eval: run: not there.\n",
    });
  });

  it("puts the command in front of every line, and adds the stack when asked", () => {
    const error = new ConfigError([problem`model: one`, problem`model: two`]);
    error.stack = "ConfigError: …\n    at somewhere";
    expect(describeFailure("performer train", error, true).text).toBe(
      "performer train: model: one\nperformer train: model: two\nConfigError: …\n    at somewhere\n",
    );
  });

  it("ends wrong usage with 2", () => {
    expect(describeFailure("performer", new UsageError(problem`no`), false).exitCode).toBe(2);
    expect(describeFailure("performer", new CommanderError(1, "commander.unknownOption", "no"), false)).toEqual({
      exitCode: 2,
      text: "",
    });
    expect(describeFailure("performer", new CommanderError(0, "commander.helpDisplayed", ""), false).exitCode).toBe(0);
  });

  it("calls what nobody expected a defect", () => {
    const { exitCode, text } = describeFailure("performer train", new TypeError("x is undefined"), false);
    expect(exitCode).toBe(1);
    expect(text).toMatch(
      /^performer train: a defect in performer, not in what you gave it: x is undefined\n.*PERFORMER_DEBUG=1/,
    );
  });

  it("is silent about a pipe that the reader closed", () => {
    expect(describeFailure("performer", Object.assign(new Error("EPIPE"), { code: "EPIPE" }), false)).toEqual({
      exitCode: 0,
      text: "",
    });
  });
});

describe("asUsage", () => {
  it("turns a refused configuration into wrong usage, and leaves the rest", async () => {
    await expect(
      asUsage(() => {
        throw new ConfigError(problem`model: no`);
      }),
    ).rejects.toThrow(new UsageError(problem`model: no`));
    await expect(asUsage(() => Promise.reject(new StorageError(problem`full`)))).rejects.toThrow(StorageError);
    expect(await asUsage(() => 7)).toBe(7);
  });
});
