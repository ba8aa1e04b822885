/** The graph of an encoder as other programs feed it: token ids and a mask in, states or predictions out. */
import { scope } from "../../graph/scope.ts";
import type { Graph } from "../../graph/graph.ts";
import type { ModelConfig } from "../../model/config.ts";
import { modelInputs } from "../../model/inputs.ts";
import { applyFinalNorm, applyHead, isPooled } from "../../model/output.ts";
import { runStack } from "../../model/performer.ts";
import { constantPositions } from "../../model/positions.ts";
import { outputStack } from "../../model/stacks.ts";
import { cast } from "../../ops/compare.ts";
import { reshape } from "../../ops/layout.ts";
import { input } from "../../ops/source.ts";

/** What an exported encoder tells: its states, or what its head makes of them. */
export const encoderOutputs = ["states", "predictions"] as const;
export type EncoderOutput = (typeof encoderOutputs)[number];

/**
 * `input_ids` and `attention_mask` `[B, L]` int64 → `last_hidden_state` `[B, L, modelDim]`, or `logits` `[B, L, vocabSize]`,
 * `[B, L, numLabels]` or, of a head for whole sequences, `[B, numLabels]`. Weights and projections are inputs under their saved names.
 *
 * In the parallel form of attention, which has no loops: standard ops alone, and nodes that no length changes.
 */
export function encoderGraph(config: ModelConfig, output: EncoderOutput, batchSize: number, length: number): Graph {
  const model = modelInputs(config);
  const given = (name: "input_ids" | "attention_mask") => input(name, [batchSize, length], "int64");
  const tokenIds = cast(given("input_ids"), "int32");
  const mask = cast(given("attention_mask"), "float32");
  const positions = constantPositions(config, length);
  return scope("performer", () => {
    const states = runStack(model, outputStack(config), tokenIds, { form: "parallel", positions, mask });
    const normed = scope("output", () => applyFinalNorm(config, model.parameters, states));
    if (output === "states") return { outputs: { last_hidden_state: normed } };
    const logits = applyHead(model, normed, mask);
    return { outputs: { logits: isPooled(config) ? reshape(logits, [batchSize, -1]) : logits } };
  });
}
