/** Shape strings: shapes written in the field's letters, checked while the graph is built. */
import { ShapeError, problem } from "./errors.ts";
import { currentPath } from "./scope.ts";
import { formatShape, type Shape } from "./shape.ts";

/**
 * Checks shapes against strings such as `"B H L D"` and returns the length behind each letter.
 *
 * Each axis is a name or a number; the same name must have the same length everywhere.
 *
 * @example const { B, L } = expectShapes("attention", { q: [q, "B H L D"], k: [k, "B H S D"] });
 * @throws ShapeError naming the tensor, the declared and the actual shape
 */
export function expectShapes<Spec extends string>(
  who: string,
  tensors: Readonly<Record<string, readonly [{ readonly shape: Shape }, Spec]>>,
): Record<AxisNames<Spec>, number> {
  const lengths: Record<string, number> = {};
  for (const [name, [{ shape }, spec]] of Object.entries(tensors)) {
    const axes = spec.split(" ").filter((axis) => axis !== "");
    const at = currentPath() === "" ? "" : `, at ${currentPath()}`;
    const fail = (detail: string) => {
      throw new ShapeError(problem`${who}: ${name} must have shape [${spec}]${detail}, got ${formatShape(shape)}${at}`);
    };
    if (axes.length !== shape.length) fail("");
    axes.forEach((axis, position) => {
      const length = shape[position] ?? 0;
      const fixed = /^\d+$/.test(axis);
      const expected = fixed ? Number(axis) : (lengths[axis] ??= length);
      if (expected !== length) fail(fixed ? "" : ` with ${axis} = ${expected}`);
    });
  }
  return lengths; // every name of Spec was assigned in the loop
}

type AxisNames<Spec extends string> = Spec extends `${infer Head} ${infer Rest}`
  ? AxisNames<Head> | AxisNames<Rest>
  : Spec extends "" | `${number}`
    ? never
    : Spec;
