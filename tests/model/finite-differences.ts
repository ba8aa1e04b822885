/** Gradients of a step's graph against central differences of its loss, both in float64. */
import { toFloat64, type NdArray } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { Named } from "../../src/model/parameters.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import { evaluateInFloat64, present } from "./harness.ts";

/** With this step differences are right to about 1e-10 of the loss, in float64. */
const STEP = 1e-5;

/**
 * How far gradients of some weights are from the slope of the output `loss`, along one random direction of all of them.
 *
 * @param evaluated the outputs' values in float64, `gradient:<name>` of each weight among them
 * @param floor added to the size that the difference is divided by: a gradient that is exactly 0 leaves rounding of
 *   this size
 */
export function slopeError(
  outputs: Readonly<Record<string, Tensor>>,
  evaluated: ReturnType<typeof evaluateInFloat64>,
  values: Named<NdArray>,
  names: readonly string[],
  floor: number,
): number {
  const loss = { loss: present(outputs["loss"]) };
  const directions = names.map((name) => {
    const size = present(values[name], name).data.length;
    return { name, direction: fillNormal(createRandom(13, name), new Float64Array(size)) };
  });
  const lossAt = (distance: number) => {
    const moved: Named<NdArray> = Object.fromEntries(
      directions.map(({ name, direction }) => {
        const at = present(values[name], name);
        const data = toFloat64(at).map((value, index) => value + distance * (direction[index] ?? 0));
        return [name, { dtype: "float64", shape: at.shape, data }];
      }),
    );
    return present(evaluateInFloat64(loss, { ...values, ...moved })["loss"]?.data[0]);
  };
  const expected = (lossAt(STEP) - lossAt(-STEP)) / (2 * STEP);
  const products = directions.flatMap(({ name, direction }) =>
    Array.from(present(evaluated[`gradient:${name}`], name).data, (value, index) => value * (direction[index] ?? 0)),
  );
  const slope = products.reduce((sum, product) => sum + product, 0);
  const size = products.reduce((sum, product) => sum + Math.abs(product), floor);
  return Math.abs(slope - expected) / size;
}
