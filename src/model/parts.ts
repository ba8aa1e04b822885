/** A part of a sequence as a graph sees it: where it stands, and the states that what came before has left. */
import type { AttentionMechanism, AttentionState } from "../attention/mechanism.ts";
import { mechanisms } from "../attention/mechanisms.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { input } from "../ops/source.ts";
import type { ModelConfig } from "./config.ts";
import { rotaryAngles } from "./layers.ts";
import type { Named } from "./parameters.ts";
import type { Positions } from "./performer.ts";

const POSITION_IDS = "position";
const ROTARY = { cos: "rotary.cos", sin: "rotary.sin" } as const;

/** The positions of `length` tokens as inputs. */
export function positionInputs(config: ModelConfig, length: number): Positions {
  if (config.positions === "learned") return { ids: input(POSITION_IDS, [length], "int32") };
  const shape = [length, 1, config.modelDim / config.numHeads];
  return { angles: { cos: input(ROTARY.cos, shape), sin: input(ROTARY.sin, shape) } };
}

/** The positions start … start + length − 1 as arrays. */
export function positionFeeds(config: ModelConfig, start: number, length: number): Record<string, NdArray> {
  const positions = Array.from({ length }, (_, index) => start + index);
  if (config.positions === "learned") return { [POSITION_IDS]: ndarray(Int32Array.from(positions), [length]) };
  const { cos, sin } = rotaryAngles(positions, config.modelDim / config.numHeads);
  return { [ROTARY.cos]: cos, [ROTARY.sin]: sin };
}

function stateName(layer: number, name: string): string {
  return `state.${layer}.${name}`;
}

/** The states of all layers before the first token, by the names of `stateInputs`. Empty for mechanisms that have none. */
export function initialStates(config: ModelConfig, batchSize: number): Record<string, NdArray> {
  const { modelDim, numHeads, numLayers, numFeatures } = config;
  const headDim = modelDim / numHeads;
  const mechanism: AttentionMechanism = mechanisms[config.mechanism];
  const sizes = { B: batchSize, H: numHeads, D: headDim, E: headDim, M: numFeatures };
  const initial = Object.entries(mechanism.recurrent?.initialState(sizes) ?? {});
  const layers = Array.from({ length: numLayers }, (_, layer) =>
    initial.map(([name, array]): [string, NdArray] => [stateName(layer, name), array]),
  );
  return Object.fromEntries(layers.flat());
}

/** The states of all layers as inputs, one record a layer. */
export function stateInputs(config: ModelConfig, batchSize: number): readonly AttentionState[] {
  const states = Object.entries(initialStates(config, batchSize));
  return Array.from({ length: config.numLayers }, (_, layer) => {
    const prefix = stateName(layer, "");
    return Object.fromEntries(
      states.flatMap(([name, { shape }]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), input(name, shape)]] : [],
      ),
    );
  });
}

/** States by the names of their inputs. */
export function namedStates(states: readonly AttentionState[]): Named<Tensor> {
  return Object.fromEntries(
    states.flatMap((state, layer) =>
      Object.entries(state).map(([name, tensor]) => [stateName(layer, name), tensor] as const),
    ),
  );
}

/** Those of named states that gradients flow through. */
export function differentiableStates<T>(config: ModelConfig, states: Named<T>): Record<string, T> {
  const mechanism: AttentionMechanism = mechanisms[config.mechanism];
  const names = mechanism.recurrent?.differentiable ?? [];
  const isOne = (state: string) => names.some((name) => state.endsWith(`.${name}`));
  return Object.fromEntries(Object.entries(states).filter(([state]) => isOne(state)));
}

const NEXT = "next.";

/** The states behind the part, as outputs of a graph. */
export function nextStateOutputs(states: readonly AttentionState[]): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(namedStates(states)).map(([name, tensor]) => [NEXT + name, tensor]));
}

/** The states among a run's results, to be given to the next part. */
export function nextStates(results: Named<NdArray>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(results).flatMap(([name, array]) =>
      name.startsWith(NEXT) ? [[name.slice(NEXT.length), array] as const] : [],
    ),
  );
}
