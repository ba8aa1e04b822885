/**
 * Every claim, run quickly: it holds or is known not to, its figures are numbers, and they have the names of the full
 * run's.
 */

import { readFileSync } from "node:fs";
import { runClaim, type JsonValue } from "performer-ts/lab";
import { describe, expect, test } from "vitest";

import { renderSvgFile } from "../src/views/svg-file.ts";
import { createWorkplace, parseOnly } from "../tests/e2e/cli.ts";
import { claims, experiments } from "./index.ts";

/** What a quick run may take on a machine with other work; on a free one it is a few seconds. */
const QUICK_MS = 60_000;

/**
 * Claims that do not hold, with what does instead. attention-error: at N(0, 1) orthogonal and independent rows cannot
 * be told apart, and at N(0, ¼) trigonometric features are the better ones.
 */
const notBorneOut: Readonly<Record<string, object>> = {
  "attention-error": {
    unit: { positiveBelowTrigonometric: true, orthogonalBelowIndependent: false },
    half: { positiveBelowTrigonometric: false, orthogonalBelowIndependent: true },
  },
};

/** What models reach only after a while of training: a few steps decide nothing. */
const decidedByTraining: readonly string[] = [
  "table-2",
  "long-proteins",
  "similarity-matrix",
  "backward-compatibility",
];

describe.each(claims.map((claim) => [claim.claim, claim] as const))("%s, quickly", (name, claim) => {
  test(
    "holds or not as written down, with finite figures under the names of the full run, and a figure",
    async () => {
      const progress: (readonly [done: number, total: number])[] = [];
      const { result, figure } = await runClaim(claim, {
        quick: true,
        onProgress: (done, total) => progress.push([done, total]),
      });
      expect(Object.keys(result)).toEqual(["claim", "setting", "published", "measured", "holds"]);
      expect(result.claim).toBe(name);
      if (!decidedByTraining.includes(name)) expect(result.holds).toBe(!(name in notBorneOut));
      expect(result.measured).toMatchObject(notBorneOut[name] ?? {});
      expect(numbersOf(result.measured).length).toBeGreaterThan(0);
      for (const value of numbersOf(result.measured)) expect(Number.isFinite(value)).toBe(true);

      const full = JSON.parse(readFileSync(new URL(`./${name}/result.json`, import.meta.url), "utf8"));
      expect(Object.keys(result.setting)).toEqual(Object.keys(full.setting));
      expect(Object.keys(result.measured)).toEqual(Object.keys(full.measured));

      expect(progress.length).toBeGreaterThan(0);
      for (const [done, total] of progress) {
        expect(done).toBeLessThanOrEqual(total);
        expect(total).toBe(progress[0]?.[1]);
      }
      expect(renderSvgFile(figure)).not.toContain("NaN");
    },
    QUICK_MS,
  );
});

test("the built command finds the compiled claims, and runs one", async () => {
  using place = createWorkplace();
  const list = await place.run("lab", "list", "--json");
  expect(parseOnly(list.stdout)).toEqual({
    claims: claims.map(({ claim, title, published }) => ({ claim, title, published })),
    experiments: experiments.map(({ experiment, title }) => ({ experiment, title })),
  });
  const { code, stdout } = await place.run("lab", "run", "unsigned-qr", "--quick", "--json");
  expect(code).toBe(0);
  expect(parseOnly(stdout)).toEqual(
    JSON.parse(readFileSync(place.path("runs", "lab", "unsigned-qr", "result.json"), "utf8")),
  );
  const unknown = await place.run("lab", "run", "unsigned-qrs");
  expect(unknown).toMatchObject({ code: 2, stdout: "" });
  expect(unknown.stderr).toContain("did you mean unsigned-qr?");
});

function numbersOf(value: JsonValue): number[] {
  if (typeof value === "number") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersOf) : [];
}
