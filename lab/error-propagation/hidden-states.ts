/** The states behind every layer of a language model, whichever attention it uses. */

import type { NdArray, Tensor } from "performer-ts/graph";
import {
  drawProjections,
  logits,
  parameterShapes,
  projectionShapes,
  toTree,
  type ModelConfig,
  type Named,
} from "performer-ts/model";
import { constant, full } from "performer-ts/ops";
import { compile, feedsFor, type InputSpec } from "performer-ts/runtime";

/** Rows of tokens of equal length. */
export interface Tokens {
  readonly batchSize: number;
  readonly seqLen: number;
  /** `[batchSize, seqLen]`. */
  readonly inputIds: Int32Array;
}

/** States after 1, 2, … layers, each normalised as the next layer reads it: `[batchSize · seqLen · modelDim]`. */
export type HiddenStates = readonly Float32Array[];

/** A model with fixed tokens. */
export interface StateReader extends AsyncDisposable {
  /** @param tensors weights, and projections where the mechanism has them */
  readonly read: (tensors: Named<NdArray>) => Promise<HiddenStates>;
}

/**
 * The same model with another attention: everything else of the configuration, and so the names of all weights, stays.
 */
export function withFavor(config: ModelConfig, numFeatures: number): ModelConfig {
  return { ...config, mechanism: "favor", numFeatures };
}

/** Orthogonal projections for every layer. */
export function projectionsFor(config: ModelConfig, seed: number): Named<NdArray> {
  return drawProjections(config, seed, 0);
}

/** One graph that holds the model's leading 1, 2, … layers. */
export async function compileStates(
  config: ModelConfig,
  { batchSize, seqLen, inputIds }: Tokens,
): Promise<StateReader> {
  const weights = parameterShapes(config);
  const projections = projectionShapes(config);
  const shapes: Record<string, InputSpec> = {
    ...Object.fromEntries(Object.entries(weights).map(([name, { shape }]) => [name, shape])),
    ...projections,
    tokens: { shape: [batchSize, seqLen], dtype: "int32" },
  };
  const depths = Array.from({ length: config.numLayers }, (_, layer) => layer + 1);
  const pick = (inputs: Named<Tensor>, names: object) =>
    Object.fromEntries(Object.entries(inputs).filter(([name]) => Object.hasOwn(names, name)));
  const executable = await compile(({ tokens, ...rest }) => {
    const [named, ofLayers] = [pick(rest, weights), pick(rest, projections)];
    return Object.fromEntries(
      depths.map((depth) => [`depth${depth}`, statesAfter({ ...config, numLayers: depth }, named, ofLayers, tokens)]),
    );
  }, shapes);
  return {
    read: async (tensors) => {
      // The final norm and an output layer of its own are not part of the graph.
      const results = await executable.run({ ...feedsFor(executable, tensors), tokens: inputIds });
      return depths.map((depth) => Float32Array.from(results[`depth${depth}`]?.data ?? [], Number));
    },
    [Symbol.asyncDispose]: () => executable.dispose(),
  };
}

/** With the identity as output layer, the logits of a model are its normalised states. */
function statesAfter(
  config: ModelConfig,
  named: Named<Tensor>,
  projections: Named<Tensor>,
  tokens: Tensor | undefined,
) {
  const { modelDim } = config;
  const parameters = {
    ...toTree(config, named),
    finalNorm: { weight: full([modelDim], 1), bias: full([modelDim], 0) },
    head: { weight: constant(identity(modelDim)) },
  };
  if (tokens === undefined) throw new RangeError("statesAfter: the graph must have the input 'tokens', got none.");
  return logits({ config, parameters, projections }, tokens);
}

function identity(size: number): NdArray {
  const data = Float32Array.from({ length: size * size }, (_, index) => (index % (size + 1) === 0 ? 1 : 0));
  return { dtype: "float32", shape: [size, size], data };
}

/** ‖states − exact‖ / ‖exact‖ after every layer. */
export function relativeErrors(states: HiddenStates, exact: HiddenStates): readonly number[] {
  return exact.map((truth, layer) => {
    const other = states[layer] ?? new Float32Array();
    let errors = 0;
    let squares = 0;
    truth.forEach((value, index) => {
      errors += ((other[index] ?? Number.NaN) - value) ** 2;
      squares += value ** 2;
    });
    return Math.sqrt(errors / squares);
  });
}
