/** The form of a claim and of its result: what is refused, and what a run passes on. */
import { describe, expect, test } from "vitest";

import { defineClaim, runClaim, type Claim, type ClaimOutcome } from "./claim.ts";
import { findNotJson } from "./json.ts";
import { letOthersRun } from "./let-others-run.ts";

const figure = { label: "nothing", height: 100, plot: () => ({ marks: [] }) };
const options = { quick: true, onProgress: () => undefined };

function claimOf(outcome: Partial<ClaimOutcome> & Pick<Partial<Claim>, "claim" | "title">): Claim {
  const { claim = "some-claim", title = "Something is so.", ...rest } = outcome;
  const run = async () => ({ setting: {}, measured: {}, holds: true, figure, ...rest });
  return { claim, title, published: "so it is", run };
}

describe("defineClaim", () => {
  test.each(["x", "unsigned-qr", "favor-2"])("takes the name %s", (claim) => {
    expect(defineClaim(claimOf({ claim })).claim).toBe(claim);
  });

  test.each(["", "Unsigned", "unsigned_qr", "-qr", "a--b", "2-x", "../x", "all"])("refuses the name '%s'", (claim) => {
    expect(() => defineClaim(claimOf({ claim }))).toThrow(/lower-case words joined by hyphens, and not "all", got "/);
  });

  test("refuses a claim that says nothing", () => {
    expect(() => defineClaim(claimOf({ title: " " }))).toThrow(/some-claim must have a title, got none/);
  });
});

describe("runClaim", () => {
  test("puts the five parts in their order, and hands the options on", async () => {
    const seen: unknown[] = [];
    const claim: Claim = {
      ...claimOf({}),
      run: async ({ quick, onProgress }) => {
        onProgress(1, 2, "half");
        return { figure, holds: false, measured: { ratio: 1.5, list: [1, null, "a"] }, setting: { quick } };
      },
    };
    const run = await runClaim(claim, { quick: true, onProgress: (...args) => seen.push(args) });
    expect(Object.keys(run.result)).toEqual(["claim", "setting", "published", "measured", "holds"]);
    expect(run.result).toEqual({
      claim: "some-claim",
      setting: { quick: true },
      published: "so it is",
      measured: { ratio: 1.5, list: [1, null, "a"] },
      holds: false,
    });
    expect(run.figure).toBe(figure);
    expect(seen).toEqual([[1, 2, "half"]]);
  });

  test.each([
    ["NaN", { a: { b: [1, Number.NaN] } }, "got NaN at measured.a.b[1]"],
    ["an infinity", { a: Number.POSITIVE_INFINITY }, "got Infinity at measured.a"],
  ])("refuses %s", async (_what, measured, message) => {
    await expect(runClaim(claimOf({ measured }), options)).rejects.toThrow(message);
  });
});

test("findNotJson finds what JSON would lose, and nothing in plain data", () => {
  expect(findNotJson({ a: [null, true, "b", { c: -0.5 }] }, "measured")).toBeUndefined();
  expect(findNotJson({ a: new Float32Array(3) }, "measured")).toEqual({ path: "measured.a", got: "Float32Array" });
  expect(findNotJson([{ a: undefined }], "measured")).toEqual({ path: "measured[0].a", got: "undefined" });
  expect(findNotJson(new Map(), "measured")).toEqual({ path: "measured", got: "Map" });
});

test("letOthersRun lets a timer fire that was due", async () => {
  let fired = false;
  setTimeout(() => (fired = true), 0);
  await letOthersRun();
  expect(fired).toBe(true);
});
