/**
 * Tensors of a file by their names, each taken once with the shape that it must have; what is left over is accounted
 * for.
 */
import { ndarray, toFloat32, type NdArray } from "../graph/ndarray.ts";
import { nearestName } from "../graph/nearest-name.ts";
import { formatShape, sameShape, type Shape } from "../graph/shape.ts";
import type { StoredTensor } from "./checkpoint.ts";
import { refuse } from "./refuse.ts";

/** Keys that are deliberately not read, and why. */
export interface UnusedKeys {
  readonly pattern: RegExp;
  readonly reason: string;
}

export interface UnusedTensor {
  readonly key: string;
  readonly reason: string;
}

export interface WeightReader {
  /**
   * A tensor as float32.
   *
   * @throws StorageError when it is not there, of another shape, or not of floating point
   */
  readonly take: (key: string, shape: Shape) => NdArray;
  readonly has: (key: string) => boolean;
  /**
   * What was not taken, with the reason.
   *
   * @throws StorageError for a tensor without one: the weights are of another model
   */
  readonly finish: (unused: readonly UnusedKeys[]) => readonly UnusedTensor[];
}

/** TensorFlow's names of a norm's weight and bias, which early conversions kept. */
const earlyNames = [
  [/\.gamma$/, ".weight"],
  [/\.beta$/, ".bias"],
] as const;

/**
 * @param modelType for messages
 * @param prefix what names begin with where a head stands on the body, e.g. "bert."; names without it are read as well
 */
export function createWeightReader(tensors: readonly StoredTensor[], modelType: string, prefix: string): WeightReader {
  const stored = new Map<string, StoredTensor>();
  for (const tensor of tensors) {
    const own = tensor.key.startsWith(prefix) ? tensor.key.slice(prefix.length) : tensor.key;
    const name = earlyNames.reduce((key, [early, now]) => key.replace(early, now), own);
    const other = stored.get(name);
    if (other !== undefined) {
      refuse(
        tensor.file,
        `a weight must be there once`,
        `'${tensor.key}' and '${other.key}'`,
        "keep the one of the two that belongs to the model",
      );
    }
    stored.set(name, tensor);
  }
  const left = new Set(stored.keys());
  const files = [...new Set(tensors.map(({ file }) => file))].join(", ");

  function take(key: string, shape: Shape): NdArray {
    const found = stored.get(key);
    if (found === undefined) {
      const near = nearestName(key, left);
      const guess = near === undefined ? "" : `, which has '${stored.get(near)?.key ?? near}'`;
      return refuse(
        files,
        `'${key}' must be there as float${formatShape(shape)}, for model_type '${modelType}'`,
        `nothing${guess}`,
        "use the config.json that the weights were saved with",
      );
    }
    const { array, file } = found;
    const isFloat = array.dtype === "float32" || array.dtype === "float64";
    if (!isFloat || !sameShape(array.shape, shape)) {
      refuse(
        file,
        `'${found.key}' must be float${formatShape(shape)}, as config.json says`,
        `${array.dtype}${formatShape(array.shape)}`,
        "use the config.json that the weights were saved with",
      );
    }
    left.delete(key);
    return ndarray(toFloat32(array), shape);
  }

  return {
    take,
    has: (key) => stored.has(key),
    finish: (unused) =>
      [...left].map((name) => {
        const { key, file } = stored.get(name) as StoredTensor; // left holds names of stored
        const reason = unused.find(({ pattern }) => pattern.test(name))?.reason;
        return reason === undefined
          ? refuse(
              file,
              `every weight must be one of model_type '${modelType}' with the layers that config.json says`,
              `'${key}'`,
              "use the config.json that the weights were saved with",
            )
          : { key, reason };
      }),
  };
}
