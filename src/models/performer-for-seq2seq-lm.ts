/** The ready sequence-to-sequence model: an encoder–decoder that turns one sequence into another. */
import { problem } from "../graph/errors.ts";
import { requireRecords, requireText } from "./check-examples.ts";
import { DataError } from "../data/index.ts";
import { generateTargets, streamTarget, type GeneratedTarget, type StreamedToken } from "../inference/index.ts";
import {
  byCallersNames,
  generationSettings,
  sendTo,
  streamByCallersNames,
  type SingleGenerationOptions,
  type StreamOptions,
} from "./generation.ts";
import { wrapped } from "../inference/predict.ts";
import { kindsOfClasses, type ModelKind } from "./model-kinds.ts";
import { ConfigError } from "../model/index.ts";
import { PerformerModel, type BatchPlan } from "./performer-model.ts";
import { planPairEvaluation, planPairTraining } from "./sequence-pairs.ts";

/** A sequence and what it is to become. */
export interface SequencePair {
  readonly source: string;
  readonly target: string;
}

/** Options of `generate`: each source has one target, so there is no `num_return_sequences`. */
export type TargetGenerationOptions = SingleGenerationOptions;

export interface GeneratedText {
  readonly sequence: string;
  /** Whether the model ended it; otherwise max_new_tokens did. */
  readonly finished: boolean;
  /** Σ log p of its tokens, the end included, in nats. */
  readonly logLikelihoodNats: number;
}

/**
 * An encoder–decoder that turns sequences into others.
 *
 * A source may have maxSeqLen − 2 tokens and a target of training maxSeqLen − 1; longer ones are refused. Options of
 * `create` are those of all models: `mechanism` stands in the encoder and, unless `decoderMechanism` and
 * `crossMechanism` name others, also in the decoder and between both. Give these two where `mechanism` cannot stand
 * there: windows, as of 'local', cannot cross, and 'linformer' cannot be causal.
 *
 * @example
 * const model = PerformerForSeq2SeqLM.create({ modelDim: 64, numLayers: 2, seed: 7 });
 * await model.train([{ source: "MKV", target: "VKM" }, …], { steps: 500 });
 * const [{ sequence }] = await model.generate(["TAL"], { temperature: 0 });
 */
export class PerformerForSeq2SeqLM extends PerformerModel<SequencePair> {
  static readonly architectureName = "PerformerForSeq2SeqLM";
  static readonly kinds: readonly ModelKind[] = kindsOfClasses.PerformerForSeq2SeqLM;

  protected trainingBatches(pairs: readonly SequencePair[], plan: BatchPlan, seed: number) {
    return planPairTraining(this.#pairs(pairs), plan, seed);
  }

  protected evaluationBatches(pairs: readonly SequencePair[], plan: BatchPlan) {
    return planPairEvaluation(this.#pairs(pairs), plan);
  }

  /**
   * Generates a target for each source.
   *
   * @throws DataError for parts outside the vocabulary and sources of more than maxSeqLen − 2 tokens; ConfigError for
   *   options out of range; the signal's reason once it is aborted, within one step
   */
  async generate(sources: readonly string[], options: TargetGenerationOptions = {}): Promise<readonly GeneratedText[]> {
    const settings = generationSettings("generate", options, ["streamer"]);
    const { streamer } = options;
    const encoded = this.#sources("generate", sources);
    if (streamer === undefined) {
      const targets = await byCallersNames(generateTargets({ ...this.#model(), sources: encoded, ...settings }));
      return targets.map((target) => this.#text(target));
    }
    const [source, another] = encoded;
    if (source === undefined || another !== undefined) {
      throw new ConfigError(
        problem`generate: streamer must come with one source, got ${encoded.length}; leave it out, or give one at a
        time`,
      );
    }
    return [this.#text(await sendTo("generate", streamer, [], this.#stream(source, settings)))];
  }

  /**
   * Generates the target of a source token by token. Leaving the loop frees what it holds.
   *
   * @returns tokens with their text; the texts together are the target
   * @throws as `generate`
   *
   * @example for await (const { text } of model.stream("TAL")) process.stdout.write(text);
   */
  stream(source: string, options: StreamOptions = {}): AsyncGenerator<StreamedToken, GeneratedTarget | undefined> {
    const settings = generationSettings("stream", options);
    requireText("stream", "the source", source);
    const [encoded = []] = this.#sources("stream", [source]);
    return this.#stream(encoded, settings);
  }

  #stream(source: ArrayLike<number>, settings: ReturnType<typeof generationSettings>) {
    const target = streamTarget({ ...this.#model(), source, ...settings }, (ids) => this.vocabulary.decode(ids));
    return streamByCallersNames(target);
  }

  #sources(who: string, sources: readonly string[]) {
    const { config, vocabulary } = this;
    const encoded = this.encode(sources, who, "source");
    for (const { id, tokenIds } of encoded) {
      if (tokenIds.length <= config.maxSeqLen - 2) continue;
      throw new DataError({
        who,
        rule: `a source must have at most maxSeqLen − 2 = ${config.maxSeqLen - 2} tokens`,
        got: `${tokenIds.length} (${id})`,
        fix: "cut it, or create the model with a larger maxSeqLen",
      });
    }
    return wrapped(encoded, vocabulary, config.maxSeqLen);
  }

  #model() {
    const { config, tensors, backend, dtype } = this;
    const { bosId, eosId, padId, maskId } = this.vocabulary;
    return { config, tensors, backend, dtype, bosId, eosId, never: [padId, bosId, maskId] };
  }

  #text(target: GeneratedTarget | undefined): GeneratedText {
    const { tokenIds, finished, logLikelihoodNats } = target ?? { tokenIds: [], finished: false, logLikelihoodNats: 0 };
    return { sequence: this.vocabulary.decode(tokenIds), finished, logLikelihoodNats };
  }

  #pairs(pairs: readonly SequencePair[]) {
    const who = PerformerForSeq2SeqLM.architectureName;
    requireRecords(who, pairs, ["source", "target"], '{ source: "MKV", target: "VKM" }');
    const sources = this.encode(
      pairs.map(({ source }) => source),
      who,
      "source",
    );
    const targets = this.encode(
      pairs.map(({ target }) => target),
      who,
      "target",
    );
    return sources.map(({ tokenIds: source }, index) => ({
      source,
      target: targets[index]?.tokenIds ?? new Int32Array(0),
    }));
  }
}
