/** Weights of a model whose graphs have many shapes. */
import type { NdArray } from "../graph/ndarray.ts";
import type { Named } from "../model/parameters.ts";
import type { Backend, WeightOptions } from "../runtime/backend.ts";
import { withWeights } from "../runtime/weights.ts";

export interface StoredWeights {
  /** Compiles graphs of `modelInputs`. */
  readonly backend: Backend;
  /** The arrays that each run is given. */
  readonly feeds: Named<NdArray>;
}

/**
 * In float32 the weights are inputs, so that they are in memory once for all graphs; otherwise each graph holds them,
 * as they are stored.
 */
export function storedWeights(options: {
  readonly backend: Backend;
  readonly tensors: Named<NdArray>;
  readonly dtype?: WeightOptions["dtype"];
}): StoredWeights {
  const { backend, tensors, dtype = "float32" } = options;
  if (dtype === "float32") return { backend, feeds: tensors };
  return { backend: withWeights(backend, { constants: tensors, dtype }), feeds: {} };
}
