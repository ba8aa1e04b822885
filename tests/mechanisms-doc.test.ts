/** The table of mechanisms in the documentation is that of the code: what each does, costs, can and takes. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createMechanism } from "../src/attention/choice.ts";
import type { ConfigurableMechanism } from "../src/attention/configurable.ts";
import type { AttentionMechanism, MechanismUse } from "../src/attention/mechanism.ts";
import { configurableMechanisms, mechanisms, type MechanismName } from "../src/attention/mechanisms.ts";

const text = readFileSync(new URL("../docs/mechanisms.md", import.meta.url), "utf8");
const rows = text.split("\n").filter((line) => line.startsWith("| `"));

/** Feature maps have a document of their own, and `auto` is two others. */
const listed = (Object.keys(mechanisms) as MechanismName[]).filter((name) => !/^favor-|^auto$/.test(name)); // the table's keys

/** What needs more than a name to be used at all. */
const NEEDED: Partial<Record<MechanismName, object>> = { graph: { edges: [[0, 1]] }, gat: { edges: [[0, 1]] } };

it("lists every mechanism, in the order of the table", () => {
  expect(rows.map((row) => /^\| `([^`]+)`/.exec(row)?.[1])).toEqual(listed);
});

it.each(listed)("says of %s what it is, costs, can and takes", (name) => {
  const [, , summary, complexity, causal, bidirectional, cross, options = "", source] =
    rows
      .find((row) => row.startsWith(`| \`${name}\``))
      ?.split(" | ")
      .flatMap((cell, index) => (index === 0 ? ["", cell] : [cell])) ?? [];
  const usual: AttentionMechanism = mechanisms[name];
  expect(summary).toBe(usual.summary);
  expect(complexity).toBe(usual.complexity);
  const used = createMechanism({ name, ...NEEDED[name] }, "test");
  const use: MechanismUse = { causal: false, cross: false, maxSeqLen: 1024, numHeads: 4, headDim: 64 };
  const can = (changed: Partial<MechanismUse>) => (used.refuse?.({ ...use, ...changed }) === undefined ? "yes" : "no");
  expect([causal, bidirectional, cross]).toEqual([can({ causal: true }), can({}), can({ cross: true })]);
  const table: Readonly<Record<string, ConfigurableMechanism>> = configurableMechanisms;
  const names = Object.keys(table[name]?.options.shape ?? {});
  expect([...options.matchAll(/`([^`]+)`/g)].map(([, option]) => option)).toEqual(names);
  expect(source).toMatch(/arxiv\.org\/abs\/\d{4}\.\d{4,5}\) \|$/);
});
