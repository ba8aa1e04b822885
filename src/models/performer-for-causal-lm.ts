/** The ready language model: create or load, train on your sequences, evaluate, generate, save. */
import { problem } from "../graph/errors.ts";
import { requireText } from "./check-examples.ts";
import { planEvaluation, planTraining } from "../data/index.ts";
import {
  byCallersNames,
  generationSettings,
  sendTo,
  streamByCallersNames,
  type GenerationOptions,
  type StreamOptions,
} from "./generation.ts";
import { KeptDecoder } from "./kept-decoder.ts";
import {
  generate,
  scoreSequences,
  streamTokens,
  type GeneratedSequence,
  type SequenceScore,
  type StreamedToken,
} from "../inference/index.ts";
import { kindsOfClasses, type ModelKind } from "./model-kinds.ts";
import { ConfigError } from "../model/index.ts";
import { PerformerModel, type BatchPlan, type SequenceInput } from "./performer-model.ts";

/**
 * A causal Performer language model with its weights; examples are sequences.
 *
 * @example
 * const model = PerformerForCausalLM.create({ modelDim: 128, numLayers: 2, seed: 7 });
 * await model.train(["MKVLAT…", …], { steps: 200 });
 * const [{ sequence }] = await model.generate("MKV", { max_new_tokens: 50, temperature: 0.8 });
 * await model.save_pretrained("my-model");
 */
export class PerformerForCausalLM extends PerformerModel<SequenceInput> {
  static readonly architectureName = "PerformerForCausalLM";
  static readonly kinds: readonly ModelKind[] = kindsOfClasses.PerformerForCausalLM;

  protected trainingBatches(sequences: readonly SequenceInput[], plan: BatchPlan, seed: number) {
    return planTraining({ ...plan, sequences: this.encode(sequences), seed });
  }

  protected evaluationBatches(sequences: readonly SequenceInput[], plan: BatchPlan) {
    return planEvaluation({ ...plan, sequences: this.encode(sequences), predictEnd: false });
  }

  readonly #decoder = new KeptDecoder();

  /**
   * Generates sequences that begin with the prompt.
   *
   * @throws DataError for a prompt with letters outside the vocabulary, and a tag that it does not have; ConfigError
   *   for options out of range; the signal's reason once it is aborted, within one step
   *
   * @example const [{ sequence }] = await model.generate("MKV", { max_new_tokens: 50, temperature: 0.8 });
   */
  async generate(prompt = "", options: GenerationOptions = {}): Promise<readonly GeneratedSequence[]> {
    const { num_return_sequences: count = 1, streamer, tag } = options;
    const settings = generationSettings("generate", options, ["num_return_sequences", "streamer", "tag"]);
    requireText("generate", "the prompt", prompt);
    if (streamer !== undefined && count !== 1) {
      throw new ConfigError(
        problem`generate: streamer must come with one sequence, got num_return_sequences ${count}; leave one of the two
        out`,
      );
    }
    const { config, tensors, vocabulary, backend, dtype } = this;
    if (count !== 1) {
      const tagged = tag === undefined ? {} : { tag };
      return byCallersNames(
        generate({ config, tensors, vocabulary, backend, dtype, prompt, count, ...settings, ...tagged }),
      );
    }
    const stream = this.#stream(prompt, settings, tag);
    const ignored = { put: () => undefined, end: () => undefined };
    const promptIds = streamer === undefined ? [] : vocabulary.encode(prompt, { recordId: "the prompt" });
    const sequence = await sendTo("generate", streamer ?? ignored, promptIds, stream);
    return sequence === undefined ? [] : [sequence];
  }

  /**
   * Generates one sequence token by token. Leaving the loop frees what it holds.
   *
   * @returns tokens with their text; the texts together are what the sequence has beyond the prompt
   * @throws as `generate`; the signal's reason once it is aborted, within one step
   *
   * @example for await (const { text } of model.stream("It was", { max_new_tokens: 200 })) process.stdout.write(text);
   */
  stream(
    prompt = "",
    options: StreamOptions & Pick<GenerationOptions, "tag"> = {},
  ): AsyncGenerator<StreamedToken, GeneratedSequence | undefined> {
    const settings = generationSettings("stream", options, ["tag"]);
    requireText("stream", "the prompt", prompt);
    return this.#stream(prompt, settings, options.tag);
  }

  async *#stream(
    prompt: string,
    settings: ReturnType<typeof generationSettings>,
    tag: string | undefined,
  ): AsyncGenerator<StreamedToken, GeneratedSequence | undefined> {
    settings.signal?.throwIfAborted();
    const { config, tensors, vocabulary, backend, dtype } = this;
    const model = { config, tensors, vocabulary, backend, dtype };
    await using borrowed = await this.#decoder.borrow(model);
    const { decoder } = borrowed;
    const options = { ...settings, ...(tag !== undefined && { tag }) };
    return yield* streamByCallersNames(streamTokens({ ...model, prompt, decoder, ...options }));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#decoder[Symbol.asyncDispose]();
  }

  /**
   * How likely sequences are: log p of each token given those before it, and their sum, in nats. The end is not scored.
   *
   * @returns in the order given; `id` says which one: `sequence 1`, …
   * @throws DataError for parts outside the vocabulary and sequences of nothing; ConfigError for sequences that are
   *   longer than learned positions
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
