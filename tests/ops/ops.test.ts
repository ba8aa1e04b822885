/** Every op: the engine against float64 loops, gradients against finite differences, and the engine's gradients. */

import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createBackend } from "../../src/runtime/node.ts";
import { cases } from "./cases.ts";
import { finiteDifferenceError, prepare, referenceOutputs, relativeError, TOLERANCE } from "./harness.ts";

const cpu = createBackend({ device: "cpu", threads: 1 });

/** Exports of src/ops/ that make no tensor of their own. */
const notOps = ["reduceAttributes"];
const notOpFiles = ["index.ts", "reference.ts", "subgraph.ts"];

it("has a case for every op and composed function of src/ops/", async () => {
  const folder = new URL("../../src/ops/", import.meta.url);
  const files = readdirSync(folder).filter((name) => /^[^.]+\.ts$/.test(name) && !notOpFiles.includes(name));
  const modules = await Promise.all(files.map((name): Promise<object> => import(new URL(name, folder).href)));
  const exported = modules.flatMap((module) => Object.keys(module)).filter((name) => !notOps.includes(name));
  const covered = Object.entries(cases).flatMap(([op, list]) => (list.length > 0 ? [op] : []));
  expect(exported.length).toBeGreaterThan(0);
  expect(exported.filter((name) => !covered.includes(name))).toEqual([]);
});

it("gives every case a name of its own, since its values are drawn by it", () => {
  const names = Object.values(cases).flatMap((list) => list.map(({ name }) => name));
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

for (const [op, list] of Object.entries(cases)) {
  describe(op, () => {
    for (const each of list) {
      it(`${each.name}: the engine gives the reference's values and gradients`, async () => {
        const prepared = prepare(each);
        await using executable = await cpu.compile({ outputs: prepared.outputs });
        const results = await executable.run(prepared.feeds);
        const { forward, gradient } = { ...TOLERANCE.float32, ...each.options.tolerance };
        for (const [name, expected] of referenceOutputs(prepared, "result")) {
          expect(relativeError(results[name], expected), name).toBeLessThanOrEqual(forward);
        }
        for (const [name, expected] of referenceOutputs(prepared, "gradient")) {
          expect(relativeError(results[name], expected), name).toBeLessThanOrEqual(gradient);
        }
      });

      if (each.options.differentiable?.length === 0 || each.options.noFiniteDifferences !== undefined) continue;
      it(`${each.name}: gradients are those of finite differences`, () => {
        const prepared = prepare(each);
        const found = referenceOutputs(prepared, "gradient");
        for (const [tensor, name] of prepared.differentiable) {
          const gradient = found.get(name);
          const error = gradient && finiteDifferenceError(prepared, tensor, gradient);
          expect(error, name).toBeLessThanOrEqual(TOLERANCE.finiteDifferences);
        }
      });
    }
  });
}
