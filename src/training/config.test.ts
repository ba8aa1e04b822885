/** Training configurations: what is filled in, and what is refused and how. */
import { describe, expect, it } from "vitest";
import { trainingConfig, type TrainingOptions } from "./config.ts";

describe("trainingConfig", () => {
  it("trains in one go unless it is told otherwise, as configurations from before there was a choice do", () => {
    expect(trainingConfig({ steps: 7 })).toMatchObject({ gradientCheckpointing: "none", segmentLength: 0 });
  });

  it.each([
    [{ gradientCheckpointing: "block" }, /must be one of none, blocks, got "block"; did you mean 'blocks'\?$/],
    [{ gradientCheckpointing: true }, /must be one of none, blocks, got true; leave it out for its default$/],
    [{ checkpointing: "blocks" }, /^training: 'checkpointing' is not a key/],
    [{ segmentLength: -1 }, /^training: segmentLength must be at least 0, got -1/],
  ])("refuses %j", (options, message) => {
    // As untyped callers would: from a file.
    expect(() => trainingConfig(options as TrainingOptions)).toThrow(message);
  });
});
