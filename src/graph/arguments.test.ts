/** Checks of arguments: what a message shows of a value, and who may refuse it. */
import { describe, expect, it } from "vitest";
import { refuseUnknownOptions, requireArgument, requirePositiveInteger, shown } from "./arguments.ts";
import { ArgumentError, GraphError } from "./errors.ts";

it.each<[unknown, string]>([
  ["2", "'2'"],
  ["x".repeat(61), `'${"x".repeat(60)}…'`],
  [2, "2"],
  [undefined, "undefined"],
  [[1, 2, 3], "an array of length 3"],
  [{ a: 1, b: 2 }, "an object with a, b"],
  [new Float32Array(5), "Float32Array"],
  [{}, "an object without keys"],
  [Math.exp, "a function"],
])("shows %j as %s", (value, text) => {
  expect(shown(value)).toBe(text);
});

it("shows an object that holds itself", () => {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  expect(shown(value)).toBe("an object with self");
});

describe("a check", () => {
  it("throws the class that its caller asks for, with all parts", () => {
    expect(() => requirePositiveInteger("f", "size", 0, "pass 7")).toThrow(ArgumentError);
    expect(() => requirePositiveInteger("f", "size", 0.5, "pass 7", GraphError)).toThrow(
      expect.objectContaining({ name: "GraphError", who: "f", got: "0.5", fix: "pass 7" }),
    );
    expect(() => requirePositiveInteger("f", "size", 7, "pass 7")).not.toThrow();
  });

  it("names the nearest option", () => {
    expect(() => refuseUnknownOptions("f", { seeed: 1 }, ["seed", "steps"])).toThrow(
      expect.objectContaining({
        code: "ERR_UNKNOWN_OPTION",
        message: "f: 'seeed' is not an option; did you mean 'seed'?",
      }),
    );
    expect(() => refuseUnknownOptions("f", null as never, ["seed"])).toThrow("the options must be an object, got null");
  });

  it("says what must be given", () => {
    expect(() => requireArgument(false, "f", "x", "a tensor", [1], "make one")).toThrow(
      "f: x must be a tensor, got an array of length 1; make one",
    );
  });
});
