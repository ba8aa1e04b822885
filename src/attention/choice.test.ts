/** Mechanisms by name, by name with options, and for parts of the heads; and what is refused. */
import { describe, expect, it } from "vitest";
import { createMechanism, type MechanismChoice } from "./choice.ts";
import { mechanisms } from "./mechanisms.ts";

describe("createMechanism", () => {
  it("takes a choice alone", () => {
    expect(createMechanism("favor")).toBe(mechanisms.favor);
    expect(createMechanism("local").name).toBe("local");
    expect(createMechanism({ name: "local", window: 16 }).name).toBe("local");
    expect(createMechanism({ heads: [{ name: "local", numHeads: 2 }] }).name).toBe("mixed(2 local)");
  });

  it.each([
    ["locl", /^createMechanism: mechanism must be one of the table, got 'locl'; did you mean 'local'\?/],
    [undefined, /^createMechanism: mechanism must be a name or an object with a name, got undefined; give "local" or/],
    [null, /got null/],
    [16, /got 16/],
    [{}, /must have a name beside its options, got an empty object without one; the mechanisms are favor/],
    [{ window: 16 }, /got window without one; add name: 'local'.*, which have it/],
    [{ window: 16, numRounds: 2 }, /got window, numRounds without one; add name: 'reformer', which has them/],
    [{ windowww: 16 }, /got windowww without one; the mechanisms are favor/],
    [{ name: "local", window: 0 }, /^local: window must be above 0, got 0; leave it out for its default$/],
    [{ heads: ["local"] }, /^createMechanism\.heads\.0: a part of the heads must be an object, got 'local'; give/],
    [{ heads: [{ window: 16, numHeads: 1 }] }, /^createMechanism\.heads\.0: mechanism must have a name/],
  ])("refuses %j", (choice, message) => {
    expect(() => createMechanism(choice as MechanismChoice)).toThrow(message);
  });

  it("begins its messages with whom they are for", () => {
    expect(() => createMechanism({ name: "linear", window: 1 }, "model")).toThrow(/^model: mechanism 'linear' has no/);
  });
});
