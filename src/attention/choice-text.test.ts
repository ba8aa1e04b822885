/** Mechanisms as command lines write them: what is read, and what is refused. */
import { describe, expect, test } from "vitest";
import { parseMechanism, splitMechanisms } from "./choice-text.ts";

describe("parseMechanism", () => {
  test.each([
    ["favor", "favor"],
    [" exact ", "exact"],
    ["local(window=16)", { name: "local", window: 16 }],
    ["local ( window = 16 )", { name: "local", window: 16 }],
    ["longformer(window=8, numGlobal=2)", { name: "longformer", window: 8, numGlobal: 2 }],
    ["x(share=-0.5,small=1e-3,on=true,kind=none)", { name: "x", share: -0.5, small: 1e-3, on: true, kind: "none" }],
    ["local()", { name: "local" }],
    [
      ' {"heads":[{"name":"local","window":4,"numHeads":1},{"name":"favor","numHeads":3}]}',
      {
        heads: [
          { name: "local", window: 4, numHeads: 1 },
          { name: "favor", numHeads: 3 },
        ],
      },
    ],
  ])("reads %s", (text, choice) => {
    expect(parseMechanism("--set", text)).toEqual(choice);
  });

  test.each([
    ["local(window=16", /^--set: a mechanism must be a name, .* got 'local\(window=16'; write for example local\(/],
    ["local)", /a mechanism must be a name/],
    ["", /a mechanism must be a name, .* got ''/],
    ["local(16)", /^--set: an option of a mechanism must be name=value, got '16'; write for example window=64/],
    ["local(window=)", /must be name=value, got 'window='/],
    [
      '{"heads"',
      /^--set: a mechanism that begins with a brace must be JSON, got '\{"heads"'; write for example \{"name":/,
    ],
    ["local(window=16,)", /must be name=value, got ''/],
  ])("refuses '%s'", (text, message) => {
    expect(() => parseMechanism("--set", text)).toThrow(message);
  });
});

test("a list of mechanisms is parted at commas outside brackets", () => {
  expect(splitMechanisms("exact, longformer(window=8,numGlobal=2) ,favor,")).toEqual([
    "exact",
    "longformer(window=8,numGlobal=2)",
    "favor",
  ]);
});
