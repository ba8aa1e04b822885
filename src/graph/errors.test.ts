/** The family of errors: parts, codes, renamed options, and what goes over a wire. */
import { describe, expect, it } from "vitest";
import {
  ArgumentError,
  ConfigError,
  configuredBy,
  formatProblem,
  GraphError,
  optionOf,
  PerformerError,
  problem,
  saidBy,
  ShapeError,
  withOptionNames,
} from "./errors.ts";

describe("problem", () => {
  it.each([
    [
      problem`favorAttention: numFeatures must be a positive integer, got ${0}; omit it`,
      { who: "favorAttention", rule: "numFeatures must be a positive integer", got: "0", fix: "omit it" },
    ],
    [
      problem`${"a.csv, line 3"}: labels must be numbers, got ${"x; y, got z: q"}; write one`,
      { who: "a.csv, line 3", rule: "labels must be numbers", got: "x; y, got z: q", fix: "write one" },
    ],
    [
      problem`'${"typo"}' is not an option; ${"did you mean 'type'?"}`,
      { who: "", rule: "'typo' is not an option", fix: "did you mean 'type'?" },
    ],
    [
      problem`--a and --b must not come together: both name data`,
      { who: "", rule: "--a and --b must not come together: both name data" },
    ],
    [
      problem`run: the graph must not be disposed of,
        which it was; compile it again`,
      { who: "run", rule: "the graph must not be disposed of, which it was", fix: "compile it again" },
    ],
    [problem`${"folder/config.json"}: not found`, { who: "folder/config.json", rule: "not found" }],
  ])("tells the parts of a sentence apart, %#", (found, parts) => {
    expect(found).toEqual(parts);
  });

  it("is written as the sentence that it was", () => {
    expect(formatProblem(problem`a: b must be c, got ${1}; do d`)).toBe("a: b must be c, got 1; do d");
    expect(formatProblem(problem`a: b must be c; do d`)).toBe("a: b must be c; do d");
    expect(formatProblem(problem`b must be c`)).toBe("b must be c");
  });
});

describe("errors", () => {
  it("carry code, who, rule, got and fix, and all problems", () => {
    const error = new ConfigError([problem`m: a must be 1, got 2; x`, problem`m: b must be 3; y`]);
    expect(error).toMatchObject({
      name: "ConfigError",
      code: "ERR_CONFIG",
      who: "m",
      rule: "a must be 1",
      got: "2",
      fix: "x",
    });
    expect(error.message).toBe("m: a must be 1, got 2; x\nm: b must be 3; y");
    expect(error.problems).toHaveLength(2);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: "ConfigError",
      code: "ERR_CONFIG",
      message: error.message,
      problems: [
        { who: "m", rule: "a must be 1", got: "2", fix: "x" },
        { who: "m", rule: "b must be 3", fix: "y" },
      ],
    });
  });

  it("are one family", () => {
    const shape = new ShapeError(problem`a must fit`);
    expect([shape instanceof GraphError, shape instanceof PerformerError, shape.code, shape.name]).toEqual([
      true,
      true,
      "ERR_SHAPE",
      "ShapeError",
    ]);
    expect(new ArgumentError(problem`a must fit`, { cause: 7 })).toMatchObject({ code: "ERR_ARGUMENT", cause: 7 });
    expect(new ConfigError(problem`'a' is not an option`, { code: "ERR_UNKNOWN_OPTION" }).code).toBe(
      "ERR_UNKNOWN_OPTION",
    );
  });

  it("take another speaker in front", () => {
    expect(saidBy("train", [problem`a must fit`, problem`model: b must fit`]).map(formatProblem)).toEqual([
      "train: a must fit",
      "train: model: b must fit",
    ]);
    expect(() =>
      configuredBy("config.json", () => {
        throw new ConfigError(problem`model: 'a' is not a key; leave it out`, { code: "ERR_UNKNOWN_OPTION" });
      }),
    ).toThrow(
      expect.objectContaining({
        message: "config.json: model: 'a' is not a key; leave it out",
        code: "ERR_UNKNOWN_OPTION",
      }),
    );
  });

  it("name options as their caller does", () => {
    expect(
      [problem`x: maxSeqLen must be 1`, problem`x: 'top-k' is not an option`, problem`x: the model must be`].map(
        optionOf,
      ),
    ).toEqual(["maxSeqLen", "top-k", undefined]);
    const error = new ConfigError(problem`x: maxSeqLen must be 1, got 2; fix`);
    const renamed = withOptionNames(error, (name) => (name === "maxSeqLen" ? "--max-length" : undefined));
    expect(renamed).toMatchObject({
      name: "ConfigError",
      message: "x: --max-length must be 1, got 2; fix",
      cause: error,
    });
    expect(withOptionNames(error, () => undefined)).toBe(error);
    expect(withOptionNames(7, () => "a")).toBe(7);
  });
});
