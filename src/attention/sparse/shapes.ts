/** Checks that the sparse mechanisms share. */
import { expectShapes } from "../../graph/expect-shapes.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { MechanismUse, Refusal } from "../mechanism.ts";

/** @throws ShapeError where keys are not those of the queries' own sequence */
export function expectSelfAttention(who: string, q: Tensor, k: Tensor, v: Tensor, keyMask: Tensor | undefined) {
  const shapes = { q: [q, "B H L D"], k: [k, "B H L D"], v: [v, "B H L E"] } as const;
  return expectShapes(who, keyMask ? { ...shapes, keyMask: [keyMask, "B L"] } : shapes);
}

/** Patterns are distances within one sequence. */
export function refuseCross({ cross }: MechanismUse): Refusal | undefined {
  if (!cross) return undefined;
  return {
    rule: "queries and keys must be of one sequence, where positions have a distance",
    got: "cross-attention",
    fix: "use 'exact' or 'favor' there",
  };
}

/** Spans, or numbers of buckets, that no sequence has. @param spans by the option's name, in tokens */
export function refuseTooLong(
  { maxSeqLen }: MechanismUse,
  spans: Readonly<Record<string, number>>,
): Refusal | undefined {
  const long = Object.entries(spans).find(([, span]) => span > maxSeqLen);
  if (long === undefined) return undefined;
  return {
    rule: `${long[0]} must be at most the longest sequence, ${maxSeqLen}`,
    got: String(long[1]),
    fix: "make it smaller, or use 'exact'",
  };
}
