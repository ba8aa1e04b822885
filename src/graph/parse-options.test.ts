/** Messages about options: their grammar, and a way out that there is. */
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { parseOptions } from "./parse-options.ts";

const schema = z.strictObject({
  size: z.int().positive(),
  list: z.array(z.int().min(0)).default([]),
  inner: z.strictObject({}).optional(),
  kind: z.enum(["local", "global"]).default("local"),
});

describe("parseOptions", () => {
  it.each([
    [{ size: 0 }, "it: size must be above 0, got 0; give one that is"],
    [{}, "it: size must be a number, got nothing; give it"],
    [{ size: 1, list: 3 }, "it: list must be an array, got 3; leave it out for its default"],
    [{ size: 1, list: [0, -1] }, "it: list.1 must be at least 0, got -1; give one that is"],
    [{ size: 1, inner: "x" }, 'it: inner must be an object, got "x"; leave it out for its default'],
    [{ size: 1, kind: "glbal" }, "it: kind must be one of local, global, got \"glbal\"; did you mean 'global'?"],
    ["x", 'it: the options must be an object, got "x"; give { key: value, … }'],
  ])("says of %j what it must be, and what to do", (options, message) => {
    expect(() => parseOptions("it", schema, options)).toThrow(expect.objectContaining({ message }));
  });
});
