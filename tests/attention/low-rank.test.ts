/**
 * Attention by sums and mixtures of keys in short: a telling case of each, and what each refuses; the rest is in
 * low-rank.slow.test.ts.
 */
import { describe, expect, it } from "vitest";
import { createMechanism } from "../../src/attention/choice.ts";
import { cosformer } from "../../src/attention/cosformer.ts";
import { efficient } from "../../src/attention/efficient.ts";
import { linear } from "../../src/attention/linear.ts";
import { linformer } from "../../src/attention/linformer.ts";
import type { AttentionMechanism, MechanismUse } from "../../src/attention/mechanism.ts";
import { nystrom } from "../../src/attention/nystrom.ts";
import { GraphError, ShapeError } from "../../src/graph/errors.ts";
import { input } from "../../src/ops/source.ts";
import { bySummary, lowRankSubjects } from "./low-rank.ts";
import { describeConformance, mapSubjects } from "./subjects.ts";

const base = { B: 2, H: 1, D: 5, E: 3, M: 7 } as const;
const cross = { cross: { sizes: { ...base, L: 7, S: 13 }, causal: false, realKeys: [13, 0] } };
const telling = {
  ...cross,
  causal: { sizes: { ...base, L: 17, S: 17 }, causal: true, realKeys: [13, 17] },
  bidirectional: { sizes: { ...base, L: 17, S: 17 }, causal: false, realKeys: [17, 11] },
};

/** Without those that differ in options alone. */
const subjects = Object.entries(lowRankSubjects).filter(([name]) => !name.includes(","));

describe.each(subjects)("%s", (_, subject) => describeConformance(subject, telling));

describe("favor, by the summary of its keys", () => describeConformance(bySummary(mapSubjects.positive), cross));

const use: MechanismUse = { causal: false, cross: false, maxSeqLen: 128, numHeads: 2, headDim: 8 };

function refusal(mechanism: AttentionMechanism, differs: Partial<MechanismUse>): string | undefined {
  const found = mechanism.refuse?.({ ...use, ...differs });
  return found && `${found.rule}, got ${found.got}; ${found.fix}`;
}

describe("what is refused while a configuration is read", () => {
  it("is causal attention, where outputs mix the whole sequence", () => {
    for (const mechanism of [efficient, linformer.create(), nystrom.create()]) {
      expect(refusal(mechanism, {})).toBeUndefined();
      expect(refusal(mechanism, { causal: true })).toMatch(/must be bidirectional.*, got causal; use .*'linear'/);
    }
    for (const mechanism of [linear, cosformer.create()]) expect(refusal(mechanism, { causal: true })).toBeUndefined();
  });

  it("is cross-attention for Nyström alone", () => {
    expect(refusal(nystrom.create(), { cross: true })).toMatch(/of one sequence.*, got cross-attention; use 'favor'/);
    for (const mechanism of [linear, cosformer.create(), efficient, linformer.create()]) {
      expect(refusal(mechanism, { cross: true })).toBeUndefined();
    }
  });

  it("is a size that does not fit the longest sequence", () => {
    expect(refusal(linformer.create({ projectedLength: 129 }), {})).toMatch(
      /projectedLength must be at most the longest sequence, 128, got 129; make it smaller/,
    );
    expect(refusal(linformer.create({ projectedLength: 128 }), {})).toBeUndefined();
    expect(refusal(nystrom.create({ numLandmarks: 256 }), {})).toMatch(/numLandmarks must be at most .* 128, got 256/);
    expect(refusal(cosformer.create({ maxLength: 100 }), {})).toMatch(
      /maxLength must be at least the longest sequence, 128, got 100; give .* maxLength: 128/,
    );
  });
});

describe("options", () => {
  it("are refused with the nearest name, and with the rule that they break", () => {
    expect(() => createMechanism({ name: "linformer", projectedLenght: 4 }, "model")).toThrow(
      /linformer: 'projectedLenght' is not a key; did you mean 'projectedLength'\?/,
    );
    expect(() => createMechanism({ name: "nystrom", numLandmarks: 0 }, "model")).toThrow(/at least 1, got 0/);
    expect(() => createMechanism({ name: "cosformer", maxLength: 1.5 }, "model")).toThrow(/a whole number, got 1.5/);
    expect(() => createMechanism({ name: "linear", maxLength: 1 }, "model")).toThrow(/'linear' has no options/);
  });

  it("decide the parameters of Linformer: as many rows as the longest sequence at most, and one matrix or two", () => {
    const shapes = (mechanism: AttentionMechanism, maxSeqLen: number) =>
      Object.entries(mechanism.parameters?.({ numHeads: 2, headDim: 8, maxSeqLen }) ?? {}).map(([name, { shape }]) => [
        name,
        shape,
      ]);
    expect(shapes(linformer.create(), 4096)).toEqual([["keyProjection", [256, 4096]]]);
    expect(shapes(linformer.create({ shareKeyValue: false }), 100)).toEqual([
      ["keyProjection", [100, 100]],
      ["valueProjection", [100, 100]],
    ]);
  });
});

describe("graphs that cannot be built", () => {
  const [q, k, v] = [input("q", [1, 2, 5, 3]), input("k", [1, 2, 7, 3]), input("v", [1, 2, 7, 4])];

  it("name the mechanism, the rule and the way out", () => {
    const causal = { causal: true };
    const keyProjection = input("E", [2, 6]);
    for (const { apply } of [efficient, nystrom.create(), linformer.create()]) {
      expect(() => apply(q, q, q, causal)).toThrow(/: attention must be bidirectional, .* got causal; use a causal/);
    }
    expect(() => linear.apply(q, k, v, causal)).toThrow(ShapeError);
    expect(() => nystrom.create().apply(q, k, v, { causal: false })).toThrow(ShapeError);
    expect(() => linformer.create().apply(q, k, v, { causal: false })).toThrow(
      /must hold 'keyProjection', got nothing/,
    );
    expect(() => linformer.create().apply(q, k, v, { causal: false, parameters: { keyProjection } })).toThrow(
      /as many tokens as the projections have columns, 6, got 7; configure .* larger maxSeqLen/,
    );
    expect(() => cosformer.create({ maxLength: 6 }).apply(q, k, v, { causal: false })).toThrow(
      /at most maxLength 6 tokens, got 7; give a larger maxLength/,
    );
    expect(() => efficient.summarised.read(q, {}, {})).toThrow(GraphError);
  });
});
