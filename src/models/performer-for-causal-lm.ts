/** The ready language model: create or load, train on your sequences, evaluate, generate, save. */
import { refuseUnknownKeys, requireText } from "./check-examples.ts";
import { planEvaluation, planTraining } from "../data/index.ts";
import { generate, scoreSequences, type GeneratedSequence, type SequenceScore } from "../inference/index.ts";
import { kindsOfClasses, type ModelKind } from "./model-kinds.ts";
import { PerformerModel, type BatchPlan } from "./performer-model.ts";

export type { CreateOptions, FitOptions, LoadOptions } from "./performer-model.ts";

/** Names as in transformers.js. */
export interface GenerationOptions {
  /** Default 200. */
  readonly max_new_tokens?: number;
  /** Default 1; 0 takes the most probable token. */
  readonly temperature?: number;
  /** Default 0: all. */
  readonly top_k?: number;
  /** Default 1: all. */
  readonly top_p?: number;
  /** Default 1: none. Tokens that have come before become less probable (arXiv:1909.05858). */
  readonly repetition_penalty?: number;
  /** The end is not drawn before. Default 0. */
  readonly min_new_tokens?: number;
  /** Sequences to draw. Default 1. */
  readonly num_return_sequences?: number;
  /** A conditioning tag that the model was trained with; `vocabulary.tags` lists them. Default none. */
  readonly tag?: string;
  /** Default 0. */
  readonly seed?: number;
}

const generationKeys = [
  "max_new_tokens",
  "min_new_tokens",
  "temperature",
  "top_k",
  "top_p",
  "repetition_penalty",
  "num_return_sequences",
  "seed",
  "tag",
] as const satisfies readonly (keyof GenerationOptions)[];

/** Generation options by the names of this package. */
export function generationSettings(options: GenerationOptions) {
  const { max_new_tokens, min_new_tokens, top_k, top_p, temperature, repetition_penalty, seed } = options;
  return {
    ...(min_new_tokens !== undefined && { minNewTokens: min_new_tokens }),
    ...(repetition_penalty !== undefined && { repetitionPenalty: repetition_penalty }),
    ...(max_new_tokens !== undefined && { maxNewTokens: max_new_tokens }),
    ...(top_k !== undefined && { topK: top_k }),
    ...(top_p !== undefined && { topP: top_p }),
    ...(temperature !== undefined && { temperature }),
    ...(seed !== undefined && { seed }),
  };
}

/**
 * A causal Performer language model with its weights; examples are sequences.
 *
 * @example
 * const model = PerformerForCausalLM.create({ modelDim: 128, numLayers: 2, seed: 7 });
 * await model.train(["MKVLAT…", …], { steps: 200 });
 * const [{ sequence }] = await model.generate("MKV", { max_new_tokens: 50, temperature: 0.8 });
 * await model.save_pretrained("my-model");
 */
export class PerformerForCausalLM extends PerformerModel<string> {
  static readonly architectureName = "PerformerForCausalLM";
  static readonly kinds: readonly ModelKind[] = kindsOfClasses.PerformerForCausalLM;

  protected trainingBatches(sequences: readonly string[], plan: BatchPlan, seed: number) {
    return planTraining({ ...plan, sequences: this.encode(sequences), seed });
  }

  protected evaluationBatches(sequences: readonly string[], plan: BatchPlan) {
    return planEvaluation({ ...plan, sequences: this.encode(sequences), predictEnd: false });
  }

  /**
   * New sequences that begin with the prompt.
   *
   * @throws DataError for a prompt with letters outside the vocabulary, and a tag that it does not have; ConfigError for options out of range
   */
  async generate(prompt = "", options: GenerationOptions = {}): Promise<GeneratedSequence[]> {
    requireText("generate", "the prompt", prompt);
    refuseUnknownKeys("generate", options, generationKeys);
    const { config, tensors, vocabulary, backend, dtype } = this;
    const { num_return_sequences: count, tag } = options;
    return generate({
      config,
      tensors,
      vocabulary,
      backend,
      dtype,
      prompt,
      ...generationSettings(options),
      ...(count !== undefined && { count }),
      ...(tag !== undefined && { tag }),
    });
  }

  /**
   * How likely sequences are: log p of each token given those before it, and their sum, in nats. The end is not scored.
   *
   * @returns in the order given; `id` says which one: `sequence 1`, …
   * @throws DataError for parts outside the vocabulary and sequences of nothing; ConfigError for sequences that are longer than learned positions
   *
   * @example
   * const [{ logLikelihoodNats, perplexity, perTokenNats }] = await model.score(["MKVLAT"]);
   */
  async score(sequences: readonly string[]): Promise<SequenceScore[]> {
    const { config, tensors, vocabulary, backend, dtype } = this;
    const encoded = this.encode(sequences, "score");
    const scores: SequenceScore[] = [];
    const all = scoreSequences({ config, tensors, vocabulary, backend, dtype, sequences: encoded });
    for await (const each of all) scores.push(each);
    return scores;
  }
}
