/**
 * The stacks of blocks that a model is made of, and the attention of each of their layers: the one place that says
 * which mechanism stands where.
 */
import { createMechanism, type MechanismChoice } from "../attention/choice.ts";
import type { AttentionMechanism } from "../attention/mechanism.ts";
import type { MechanismChoices, ModelConfig } from "./config-schema.ts";

/** Blocks one behind the other. */
export interface Stack {
  /** The prefix of its parameters' names; empty for a model's only stack. */
  readonly prefix: "" | "encoder." | "decoder.";
  readonly numLayers: number;
  /** Every token sees those before it only. */
  readonly causal: boolean;
  /** Its blocks also attend to what the encoder leaves. */
  readonly cross: boolean;
  /** One for all layers, or one for each. */
  readonly mechanism: MechanismChoices;
  /** The mechanisms of cross-attention. */
  readonly crossMechanism: MechanismChoices;
}

type StackOptions = Pick<
  ModelConfig,
  "architecture" | "numLayers" | "numDecoderLayers" | "mechanism" | "decoderMechanism" | "crossMechanism"
>;

/** The encoder of an encoder–decoder. */
export function encoderStack({ numLayers, mechanism }: StackOptions): Stack {
  return { prefix: "encoder.", numLayers, causal: false, cross: false, mechanism, crossMechanism: mechanism };
}

/** The stack that predictions are read from: the only one, or the decoder of an encoder–decoder. */
export function outputStack(config: StackOptions): Stack {
  const { architecture, numLayers, numDecoderLayers = numLayers, mechanism } = config;
  if (architecture !== "encoder-decoder") {
    const causal = architecture === "decoder";
    return { prefix: "", numLayers, causal, cross: false, mechanism, crossMechanism: mechanism };
  }
  const own = config.decoderMechanism ?? mechanism;
  const crossMechanism = config.crossMechanism ?? own;
  return { prefix: "decoder.", numLayers: numDecoderLayers, causal: true, cross: true, mechanism: own, crossMechanism };
}

/** In the order in which they are computed. */
export function stacksOf(config: StackOptions): readonly Stack[] {
  const last = outputStack(config);
  return last.cross ? [encoderStack(config), last] : [last];
}

export function isList(choices: MechanismChoices): choices is readonly MechanismChoice[] {
  return Array.isArray(choices);
}

function choiceOf(choices: MechanismChoices, layer: number): MechanismChoice {
  if (!isList(choices)) return choices;
  const choice = choices[layer];
  if (choice === undefined) throw new RangeError(`model: layer ${layer} must have a mechanism, got ${choices.length}`);
  return choice;
}

/**
 * Mechanisms with options, by the choice that a configuration holds: reading options takes longer than building a graph
 * node.
 */
const created = new WeakMap<object, AttentionMechanism>();

function mechanismOf(choice: MechanismChoice): AttentionMechanism {
  if (typeof choice === "string") return createMechanism(choice, "model");
  const mechanism = created.get(choice) ?? createMechanism(choice, "model");
  created.set(choice, mechanism);
  return mechanism;
}

/** A place where attention happens. */
export interface AttentionSite {
  /** The prefix of its parameters' names, such as `blocks.3.attention`. */
  readonly name: string;
  readonly layer: number;
  readonly choice: MechanismChoice;
  readonly mechanism: AttentionMechanism;
  readonly causal: boolean;
  /** Keys are those of another sequence. */
  readonly cross: boolean;
}

/** The prefix of a layer's parameters' names. */
export function blockPrefix({ prefix }: Pick<Stack, "prefix">, layer: number): string {
  return `${prefix}blocks.${layer}.`;
}

/** A layer's attention to its own sequence. */
export function selfAttention(stack: Stack, layer: number): AttentionSite {
  const choice = choiceOf(stack.mechanism, layer);
  const mechanism = mechanismOf(choice);
  return {
    name: `${blockPrefix(stack, layer)}attention`,
    layer,
    choice,
    mechanism,
    causal: stack.causal,
    cross: false,
  };
}

/** A layer's attention to what the encoder leaves. */
export function crossAttention(stack: Stack, layer: number): AttentionSite {
  const choice = choiceOf(stack.crossMechanism, layer);
  const mechanism = mechanismOf(choice);
  return { name: `${blockPrefix(stack, layer)}cross`, layer, choice, mechanism, causal: false, cross: true };
}

/** All places of attention of a stack, layer by layer. */
export function attentionSites(stack: Stack): readonly AttentionSite[] {
  return Array.from({ length: stack.numLayers }, (_, layer) =>
    stack.cross ? [selfAttention(stack, layer), crossAttention(stack, layer)] : [selfAttention(stack, layer)],
  ).flat();
}

/** The mechanism of a layer of the stack that predictions are read from. */
export function layerMechanism(config: ModelConfig, layer: number): AttentionMechanism {
  return selfAttention(outputStack(config), layer).mechanism;
}

/** The mechanisms of all layers of that stack. */
export function layerMechanisms(config: ModelConfig): readonly AttentionMechanism[] {
  const stack = outputStack(config);
  return Array.from({ length: stack.numLayers }, (_, layer) => selfAttention(stack, layer).mechanism);
}

/** The model of one layer only, with that layer's mechanism: what a graph of one block belongs to. */
export function oneLayer(config: ModelConfig, layer: number): ModelConfig {
  return { ...config, numLayers: 1, mechanism: choiceOf(config.mechanism, layer) };
}

/** For people: `favor`, or `local, exact` where layers differ. */
export function describeMechanism({ mechanism }: Pick<ModelConfig, "mechanism">): string {
  const names = (isList(mechanism) ? mechanism : [mechanism]).map((choice) => describeChoice(choice));
  return names.every((name) => name === names[0]) ? String(names[0]) : names.join(", ");
}

function describeChoice(choice: MechanismChoice): string {
  return typeof choice === "string" ? choice : String(Reflect.get(choice, "name") ?? "heads of several kinds");
}
