/** The root exports what most programs need, and no more: the list is read before it is searched. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as root from "../src/index.ts";

it("exports at most 35 names, types included", () => {
  const text = readFileSync(new URL("../src/index.ts", import.meta.url), "utf8");
  expect(text).not.toMatch(/export \*/);
  const names = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list.split(",").flatMap((name) => name.trim() || []),
  );
  expect(names.length).toBeLessThanOrEqual(35);
  expect(names).toEqual(expect.arrayContaining(Object.keys(root)));
  expect(new Set(names).size).toBe(names.length);
});

it("exports what the README begins with", () => {
  expect(Object.keys(root)).toEqual(
    expect.arrayContaining([
      "attention",
      "compile",
      "convertPretrained",
      "createBackend",
      "diagnose",
      "distillModel",
      "exportOnnx",
      "favorAttention",
      "gradients",
      "loadPretrained",
      "PerformerForCausalLM",
    ]),
  );
});
