/** Sequences read part by part: the states that what came before has left, and the forward pass from state to state. */
import type { AttentionMechanism, AttentionState, RecurrentStep } from "../attention/mechanism.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { zeros, type NdArray } from "../graph/ndarray.ts";
import { scope } from "../graph/scope.ts";
import type { Tensor } from "../graph/tensor.ts";
import { input } from "../ops/source.ts";
import { applyBlock, blockBranches, enterStream, leaveStream } from "./block.ts";
import type { ModelConfig } from "./config.ts";
import { output } from "./output.ts";
import type { Named } from "./parameter-tree.ts";
import { blockOf, embed, siteTensors, type AttendAcross, type ForwardOptions, type ModelTensors } from "./performer.ts";
import type { Positions } from "./positions.ts";
import { layerMechanisms, outputStack, selfAttention } from "./stacks.ts";
import { shiftedWidth, shiftTokens } from "./token-shift.ts";

/** The default prefix of states' names. */
const STATE = "state";

function stateName(layer: number, name: string, prefix: string): string {
  return `${prefix}.${layer}.${name}`;
}

/** The name of the state of token shift before a branch. */
function shiftState(branch: string): string {
  return `shift-${branch}`;
}

const SHIFTS = [shiftState("attention"), shiftState("mlp")];

/** `own`: the form that serves here. `any-length`: the one that exported files have. */
export type RecurrenceForm = "own" | "any-length";

function initialStateOf({ recurrent }: AttentionMechanism, form: RecurrenceForm) {
  return (form === "own" ? recurrent : recurrent?.anyLength)?.initialState;
}

/** The states of one layer: its mechanism's, and with token shift the last token before each branch. */
function layerStates(config: ModelConfig, batchSize: number, form: RecurrenceForm): readonly Record<string, NdArray>[] {
  const { modelDim, numHeads, numFeatures, headDim, tokenShift } = config;
  const sizes = { B: batchSize, H: numHeads, D: headDim, E: headDim, M: numFeatures };
  const shifts = tokenShift ? SHIFTS.map((name) => [name, zeros([batchSize, 1, shiftedWidth(modelDim)])] as const) : [];
  return layerMechanisms(config).map((mechanism) => ({
    ...initialStateOf(mechanism, form)?.(sizes),
    ...Object.fromEntries(shifts),
  }));
}

/**
 * The states of all layers before the first token, by the names of `stateInputs`. Empty for mechanisms that have none.
 */
export function initialStates(
  config: ModelConfig,
  batchSize: number,
  prefix = STATE,
  form: RecurrenceForm = "own",
): Record<string, NdArray> {
  return namedStates(layerStates(config, batchSize, form), prefix);
}

/** The states of all layers as inputs, one record a layer. */
export function stateInputs(
  config: ModelConfig,
  batchSize: number,
  prefix = STATE,
  form: RecurrenceForm = "own",
): readonly AttentionState[] {
  return layerStates(config, batchSize, form).map((state, layer) =>
    Object.fromEntries(
      Object.entries(state).map(([name, { shape, dtype }]) => [
        name,
        input(stateName(layer, name, prefix), shape, dtype),
      ]),
    ),
  );
}

/** States by the names of their inputs. */
export function namedStates<T>(states: readonly Readonly<Record<string, T>>[], prefix = STATE): Record<string, T> {
  return Object.fromEntries(
    states.flatMap((state, layer) =>
      Object.entries(state).map(([name, value]) => [stateName(layer, name, prefix), value] as const),
    ),
  );
}

/** The states that gradients flow through. */
export function differentiableStates<T>(config: ModelConfig, states: Named<T>): Record<string, T> {
  const names = layerMechanisms(config).flatMap(({ recurrent }, layer) =>
    [...(recurrent?.differentiable ?? []), ...SHIFTS].map((name) => stateName(layer, name, STATE)),
  );
  return Object.fromEntries(Object.entries(states).filter(([state]) => names.includes(state)));
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

export interface PartOptions extends Pick<ForwardOptions, "dropout" | "form"> {
  /** Default `own`; the states must be of the same form. */
  readonly recurrence?: RecurrenceForm;
}

/**
 * Logits over a part of a sequence, with the states of all layers in and out: one token costs the same at any position,
 * and long sequences can be read part by part, with gradients through the states.
 *
 * @param tokenIds `[B, L]` int32
 * @param states one for each layer, behind what came before
 * @returns logits `[B, L, vocabSize]` and the next states
 * @throws GraphError when a mechanism has no recurrent form
 */
export function logitsOfPart(
  model: ModelTensors,
  tokenIds: Tensor,
  positions: Positions,
  states: readonly AttentionState[],
  options: PartOptions = {},
): { readonly logits: Tensor; readonly states: readonly AttentionState[] } {
  return scope("performer", () => {
    const part = partOfStack(model, tokenIds, positions, states, options);
    return { logits: output(model, part.x), states: part.states };
  });
}

/** The output of the last block for a part, `[B, L, modelDim]`, and the next states. */
export function partOfStack(
  model: ModelTensors,
  tokenIds: Tensor,
  positions: Positions,
  states: readonly AttentionState[],
  { dropout, form, recurrence = "own", across }: PartOptions & { readonly across?: AttendAcross } = {},
): { readonly x: Tensor; readonly states: readonly AttentionState[] } {
  const { config } = model;
  const stack = outputStack(config);
  const next: AttentionState[] = [];
  let stream = enterStream(config, embed(model, tokenIds, positions, dropout ? { dropout } : {}));
  for (let layer = 0; layer < stack.numLayers; layer++) {
    const site = selfAttention(stack, layer);
    const advance = advanceOf(site.mechanism, recurrence, tokenIds.shape[1] ?? 1);
    const state = states[layer] ?? {};
    let behind: Record<string, Tensor> = {};
    const branches = blockBranches(
      config,
      blockOf(model, stack, layer),
      (q, k, v) => {
        const part = advance(q, k, v, state, siteTensors(model, stack, site));
        behind = { ...behind, ...part.state };
        return part.out;
      },
      {
        positions,
        dropout,
        form,
        attendAcross: across?.(layer),
        shift: (branch, x) => {
          const { shifted, last } = shiftTokens(x, state[shiftState(branch)]);
          behind = { ...behind, [shiftState(branch)]: last };
          return shifted;
        },
      },
    );
    stream = scope(`blocks.${layer}`, () => applyBlock(branches, stream));
    next.push(behind);
  }
  return { x: leaveStream(stream), states: next };
}

function advanceOf({ name, recurrent }: AttentionMechanism, form: RecurrenceForm, length: number): RecurrentStep {
  const found = form === "own" ? recurrent?.[length === 1 ? "step" : "extend"] : recurrent?.anyLength?.extend;
  if (found !== undefined) return found;
  const kind = form === "own" ? "a recurrent form" : "a recurrent form for any length";
  throw new GraphError(problem`logitsOfPart: the mechanism must have ${kind}, got '${name}'`);
}
