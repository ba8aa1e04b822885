/** Weights and projections before training, each drawn from a stream of its own name. */
import type { MechanismChoice } from "../attention/choice.ts";
import { projectionShapeOf } from "../attention/mechanism.ts";
import { ndarray, zeros, type NdArray } from "../graph/ndarray.ts";
import { sizeOf, type Shape } from "../graph/shape.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { projectionChoice, type ModelConfig } from "./config.ts";
import { parameterShapes, type Named } from "./parameter-tree.ts";
import { attentionSites, blockPrefix, stacksOf, type AttentionSite } from "./stacks.ts";

export { parameterShapes, toTree } from "./parameter-tree.ts";
export type { Block, Linear, Named, Norm, Parameters } from "./parameter-tree.ts";

/** Fresh weights. Each is drawn from a stream of its own name, so that adding a layer leaves the others as they are. */
export function initialParameters(config: ModelConfig, seed: number): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(parameterShapes(config)).map(([name, { shape, init }]) => {
      const data = new Float32Array(sizeOf(shape));
      if ("value" in init) return [name, ndarray(data.fill(init.value), shape)];
      return [name, ndarray(fillNormal(createRandom(seed, "weights", name), data, init.std), shape)];
    }),
  );
}

/** The prefix of a layer's weights and projection, in a model of one stack. */
export function layerPrefix(layer: number): string {
  return blockPrefix({ prefix: "" }, layer);
}

/** The name under which a layer's projection is saved beside the weights, in a model of one stack. */
export function projectionName(layer: number): string {
  return projectionOf({ name: `${layerPrefix(layer)}attention` });
}

/** The name of the projection of a place of attention. */
export function projectionOf({ name }: Pick<AttentionSite, "name">): string {
  return `${name}.projection`;
}

/** Names and shapes of the projections; empty for mechanisms without. */
export function projectionShapes(config: ModelConfig): Named<Shape> {
  // Once for each kind: a mechanism that does not say its shape draws one to see it.
  const seen = new Map<MechanismChoice, Shape | undefined>();
  const shapes: Record<string, Shape> = {};
  for (const site of stacksOf(config).flatMap(attentionSites)) {
    if (!seen.has(site.choice)) seen.set(site.choice, projectionShapeOf(site.mechanism, drawingSizes(config)));
    const shape = seen.get(site.choice);
    if (shape !== undefined) shapes[projectionOf(site)] = shape;
  }
  return shapes;
}

/**
 * Draws one projection for each place of attention.
 *
 * @param redraw how often they have been redrawn before; every redraw has its own stream
 */
export function drawProjections(config: ModelConfig, seed: number, redraw: number): Record<string, NdArray> {
  const projections: Record<string, NdArray> = {};
  for (const stack of stacksOf(config)) {
    for (const site of attentionSites(stack)) {
      const path = stack.prefix === "" ? site.layer : site.name;
      const random = createRandom(seed, "projection", path, redraw);
      const drawn = site.mechanism.initialise(random, drawingSizes(config));
      if (drawn !== undefined) projections[projectionOf(site)] = drawn.projection;
    }
  }
  return projections;
}

function drawingSizes(config: ModelConfig) {
  const { headDim, numHeads, numFeatures } = config;
  return { headDim, numFeatures, numHeads, projection: projectionChoice(config) };
}

/** Number of trained weights. */
export function countParameters(config: ModelConfig): number {
  return Object.values(parameterShapes(config)).reduce((total, { shape }) => total + sizeOf(shape), 0);
}

/** Zeros in the shape of each array: where optimizer moments start. */
export function zerosLike(arrays: Named<NdArray>): Record<string, NdArray> {
  return Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, zeros(shape)]));
}
