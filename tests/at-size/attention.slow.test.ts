/**
 * Every mechanism over thousands of tokens, forward and backward, again and again on several threads, beside float64.
 */

import { describe, expect, it } from "vitest";
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { configurableMechanisms, mechanisms, type MechanismName } from "../../src/attention/mechanisms.ts";
import { createRandom } from "../../src/random/index.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { createReferenceBackend } from "../../src/runtime/reference.ts";
import { drawArrays, mechanismGraph, type AttentionCase } from "../attention/conformance.ts";
import { difference, sameOnAllThreads } from "./threads.ts";

/** Over the largest entry. */
const TOLERANCE = {
  /** Float32 sums over thousands of keys. */
  float64: 2e-5,
  /** Features of either sign cancel in denominators, which leaves fewer digits. */
  cancelling: 2e-3,
  /** Rounding by other blocks of a product, which denominators and Nyström's inverse amplify. */
  acrossThreads: 2e-5,
} as const;

/** Several chunks and blocks of every mechanism, and a part of one at the end. */
const L = 2085;
const sizes = { B: 1, H: 2, L, S: L, D: 32, E: 32, M: 64 } as const;
/** Norms near 2.8, as of queries and keys that a model has learnt. */
const usual = { scale: 0.5 } as const;
/** Queries and keys on one side, where features of either sign do not cancel to nothing. */
const near = { scale: 0.2, mean: 0.7 } as const;

/** Hubs that many positions read, and edges between others. */
const random = createRandom(5, "edges");
const edges = Array.from({ length: 4 * L }, (_, edge): [number, number] => [
  random.integer(L),
  random.integer(edge % 2 === 0 ? L : 7),
]);

/** Mechanisms whose defaults do not serve this length. */
const configured: Readonly<Partial<Record<MechanismName, AttentionMechanism>>> = {
  cosformer: configurableMechanisms.cosformer.create({ maxLength: L }),
  graph: configurableMechanisms.graph.create({ edges }),
  gat: configurableMechanisms.gat.create({ edges }),
};

const names = Object.keys(mechanisms) as readonly MechanismName[]; // the table's own keys
const directions = { causal: true, bidirectional: false } as const;
/** The form without loops is one for all maps: one with a running maximum and one without stand for the others. */
const inBothForms: readonly MechanismName[] = ["favor", "favor-relu"];

describe.each(names)("%s", (name) => {
  const mechanism: AttentionMechanism = configured[name] ?? mechanisms[name];
  for (const [direction, causal] of Object.entries(directions)) {
    const use = { causal, cross: false, maxSeqLen: L, numHeads: sizes.H, headDim: sizes.D };
    if (mechanism.refuse?.(use) !== undefined) continue;
    const forms = inBothForms.includes(name) ? (["scan", "parallel"] as const) : (["scan"] as const);
    it.each(forms)(`is the same on all threads and in float64, ${direction}, %s form`, async (form) => {
      const cancelling = mechanism.map?.positive === false;
      const test: AttentionCase = { sizes, causal, form, ...(cancelling ? near : usual) };
      const { outputs, feeds } = mechanismGraph(mechanism, test, drawArrays(mechanism, test));
      const found = await sameOnAllThreads(outputs, feeds, { tolerance: TOLERANCE.acrossThreads });
      await using reference = await createReferenceBackend().compile({ outputs });
      const tolerance = cancelling ? TOLERANCE.cancelling : TOLERANCE.float64;
      for (const [output, expected] of Object.entries(await reference.run(feedsFor(reference, feeds)))) {
        expect(difference(found[output], expected), output).toBeLessThanOrEqual(tolerance);
      }
    });
  }
});
