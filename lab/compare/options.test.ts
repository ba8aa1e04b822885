/** What a comparison is asked for, and what it refuses. */

import { describe, expect, it } from "vitest";

import { compareSettings, parseContenders } from "./options.ts";

describe("the mechanisms of a comparison", () => {
  it("are names, with options in brackets", () => {
    expect(parseContenders("exact, local(window=64,causal=true), favor(kind=a-b)")).toEqual([
      { label: "exact", mechanism: "exact" },
      { label: "local(window=64,causal=true)", mechanism: { name: "local", window: 64, causal: true } },
      { label: "favor(kind=a-b)", mechanism: { name: "favor", kind: "a-b" } },
    ]);
  });

  it.each([
    ["nothing", "", "one or more names"],
    ["one twice", "favor,favor", "each once"],
    ["a bracket that does not close", "local(window=64", "got 'local(window=64'"],
    ["an option without a value", "local(window)", "must be name=value, got 'window'"],
  ])("refuses %s", (_case, text, message) => {
    expect(() => parseContenders(text)).toThrow(message);
  });
});

describe("the settings of a comparison", () => {
  it.each([
    ["90s", 90],
    ["10m", 600],
    ["1.5h", 5400],
  ])("read the budget %s", (budget, budgetSeconds) => {
    expect(compareSettings({ budget }).effort).toEqual({ budgetSeconds });
  });

  it("have ten minutes without one, and steps instead of one", () => {
    expect(compareSettings({}).effort).toEqual({ budgetSeconds: 600 });
    expect(compareSettings({ steps: "7" }).effort).toEqual({ steps: 7 });
  });

  it("name sizes as the model does, and count seeds from 1", () => {
    const { model, seeds, length } = compareSettings({ layers: "2", dim: "32", seeds: "3", length: "128" });
    expect(model).toEqual({ numLayers: 2, modelDim: 32 });
    expect(seeds).toEqual([1, 2, 3]);
    expect(length).toBe(128);
  });

  it.each([
    ["a budget without a unit", { budget: "10" }, "--budget must be a time such as 90s, 10m or 2h, got '10'"],
    ["a budget of none", { budget: "0s" }, "got '0s'"],
    ["steps and a budget", { budget: "1m", steps: "5" }, "must not both be given"],
    ["half a seed", { seeds: "1.5" }, "--seeds must be a whole number from 1 on, got '1.5'"],
    ["no layers", { layers: "0" }, "--layers must be a number above 0, got '0'"],
  ])("refuse %s", (_case, given, message) => {
    expect(() => compareSettings(given)).toThrow(message);
  });
});
