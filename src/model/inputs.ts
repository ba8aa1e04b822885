/** A model whose weights are given when its graph runs. */
import type { Tensor } from "../graph/tensor.ts";
import { input } from "../ops/source.ts";
import type { ModelConfig } from "./config.ts";
import { parameterShapes, projectionShapes, toTree, type Named } from "./parameters.ts";
import type { ModelTensors } from "./performer.ts";

/**
 * Weights and projections as inputs of a graph, under their saved names.
 *
 * @param prefix stands in front of the inputs' names, where two models share a graph; default: nothing
 */
export function modelInputs(config: ModelConfig, prefix = ""): ModelTensors & { readonly named: Named<Tensor> } {
  const named = Object.fromEntries(
    Object.entries(parameterShapes(config)).map(([name, { shape }]) => [name, input(prefix + name, shape)]),
  );
  const projections = Object.fromEntries(
    Object.entries(projectionShapes(config)).map(([name, shape]) => [name, input(prefix + name, shape)]),
  );
  return { config, parameters: toTree(config, named), projections, named };
}
