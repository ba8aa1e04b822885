/** The graph of a training step: padding changes nothing, and every form gives the same. */
import { describe, expect, it } from "vitest";
import { toFloat64, type NdArray } from "../graph/ndarray.ts";
import { parameterShapes } from "../model/parameters.ts";
import { present, randomBatch, relativeError, tinyConfig } from "../../tests/model/harness.ts";
import { prepareStep, runOnEngine } from "../../tests/model/step.ts";
import type { Batch } from "../data/batch.ts";
import { gradientsOf } from "./graphs.ts";

const TOLERANCE = {
  /** Sums over chunks in another order, forwards and backwards. */
  forms: 1e-4,
  /** A gradient that is exactly 0, as of a key's bias under softmax, leaves rounding of this size. */
  gradientFloor: 1e-3,
} as const;

const hard = { dropout: 0.25, labelSmoothing: 0.1 };

describe.each(["favor", "favor-relu", "exact"] as const)("a step with %s", (mechanism) => {
  const seqLen = 71;
  const config = tinyConfig({ mechanism, maxSeqLen: seqLen });
  const options = { ...hard, form: "scan" } as const;

  it("is bit-identical whatever stands behind the end of a row", async () => {
    const lengths = [43, 66];
    const batch = randomBatch(config, 2, seqLen, { lengths });
    const behind = (index: number) => batch.weights[index] === 0;
    const changed: Batch = {
      ...batch,
      inputIds: batch.inputIds.map((id, index) => (behind(index) ? (id + 1 + (index % 7)) % 11 : id)),
      targetIds: batch.targetIds.map((id, index) => (behind(index) ? (id + 3) % 11 : id)),
    };
    const original = await runOnEngine(prepareStep(config, batch, options));
    const other = await runOnEngine(prepareStep(config, changed, options));
    expect(Object.keys(gradientsOf(other)).toSorted()).toEqual(Object.keys(parameterShapes(config)).toSorted());
    for (const [name, array] of Object.entries(original)) {
      // Adding 0 turns −0 into 0, which is the same number.
      const values = (array: NdArray | undefined) => toFloat64(present(array)).map((value) => value + 0);
      expect(values(other[name]), name).toEqual(values(array));
    }
  });

  it("is the same in scan and in parallel form over several chunks", async () => {
    const batch = randomBatch(config, 2, seqLen);
    const scan = await runOnEngine(prepareStep(config, batch, options));
    const parallel = await runOnEngine(prepareStep(config, batch, { ...options, form: "parallel" }));
    for (const [name, { data }] of Object.entries(scan)) {
      expect(relativeError(parallel[name]?.data, data, TOLERANCE.gradientFloor), name).toBeLessThan(TOLERANCE.forms);
    }
  });
});
