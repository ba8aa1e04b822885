/** Mechanisms that say their wholeBlocks give, padded to whole blocks, what they give without padding. */

import { describe, expect, it } from "vitest";

import { evaluateInFloat64, relativeError } from "../model/harness.ts";
import { declared, inputsAt, outputAt, real, SIZES } from "./block-length.ts";

const { H, D } = SIZES;

describe.each(declared)("$name, in blocks", ({ mechanism, blockLength }) => {
  it.each([1, 11, 41])("gives what it gives without padding: %i positions", (length) => {
    const { arrays, tensors } = inputsAt(mechanism, length);
    const expected = evaluateInFloat64({ y: outputAt(mechanism, tensors, { length, padded: length }) }, arrays);
    for (const whole of blockLength === 1 ? [1, 16] : [blockLength, 2 * blockLength]) {
      const padded = Math.ceil(length / whole) * whole;
      const y = outputAt(mechanism, tensors, { length, padded, blockLength: whole });
      const width = H * length * D;
      const kept = (values: ArrayLike<number> | undefined) =>
        Array.from(values ?? []).filter(
          (_, i) => real(length)[Math.floor(i / width) * length + (Math.floor(i / D) % length)] === 1,
        );
      expect(
        relativeError(kept(evaluateInFloat64({ y }, arrays)["y"]?.data), kept(expected["y"]?.data)),
        `blocks of ${whole}`,
      ).toBeLessThan(1e-12);
    }
  });
});
