/** The ready sequence-to-sequence model: an encoder–decoder that turns one sequence into another. */
import { generateTargets } from "./inference/index.ts";
import { checkGenerationKeys, generationSettings, type GenerationOptions } from "./performer-for-causal-lm.ts";
import { wrapped } from "./performer-for-sequence-classification.ts";
import { PerformerModel, type BatchPlan, type ModelKind } from "./performer-model.ts";
import { planPairEvaluation, planPairTraining } from "./sequence-pairs.ts";

/** A sequence and what it is to become. */
export interface SequencePair {
  readonly source: string;
  readonly target: string;
}

/** As those of a language model, but for the number of sequences: each source has one target. */
export type TargetGenerationOptions = Omit<GenerationOptions, "num_return_sequences">;

export interface GeneratedText {
  readonly sequence: string;
  /** Whether the model ended it; otherwise max_new_tokens did. */
  readonly finished: boolean;
  /** Σ log p of its tokens, the end included, in nats. */
  readonly logLikelihoodNats: number;
}

const targetKeys = [
  "max_new_tokens",
  "temperature",
  "top_k",
  "top_p",
  "seed",
] as const satisfies readonly (keyof TargetGenerationOptions)[];

/**
 * An encoder–decoder that turns sequences into others.
 *
 * @example
 * const model = PerformerForSeq2SeqLM.create({ modelDim: 64, numLayers: 2, seed: 7 });
 * await model.train([{ source: "MKV", target: "VKM" }, …], { steps: 500 });
 * const [{ sequence }] = await model.generate(["TAL"], { temperature: 0 });
 */
export class PerformerForSeq2SeqLM extends PerformerModel<SequencePair> {
  static readonly architectureName = "PerformerForSeq2SeqLM";
  static readonly kinds: readonly ModelKind[] = [{ architecture: "encoder-decoder", head: "language-modeling" }];

  protected trainingBatches(pairs: readonly SequencePair[], plan: BatchPlan, seed: number) {
    return planPairTraining(this.#pairs(pairs), plan, seed);
  }

  protected evaluationBatches(pairs: readonly SequencePair[], plan: BatchPlan) {
    return planPairEvaluation(this.#pairs(pairs), plan);
  }

  /**
   * A target for each source.
   *
   * @throws DataError for parts outside the vocabulary; ConfigError for options out of range
   */
  async generate(sources: readonly string[], options: TargetGenerationOptions = {}): Promise<readonly GeneratedText[]> {
    checkGenerationKeys(options, targetKeys);
    const { config, tensors, vocabulary, backend, dtype } = this;
    const { bosId, eosId, padId, maskId } = vocabulary;
    const targets = await generateTargets({
      config,
      tensors,
      backend,
      dtype,
      bosId,
      eosId,
      never: [padId, bosId, maskId],
      sources: wrapped(this.encode(sources), vocabulary, config.maxSeqLen),
      ...generationSettings(options),
    });
    return targets.map(({ tokenIds, finished, logLikelihoodNats }) => ({
      sequence: vocabulary.decode(tokenIds),
      finished,
      logLikelihoodNats,
    }));
  }

  #pairs(pairs: readonly SequencePair[]) {
    const sources = this.encode(pairs.map(({ source }) => source));
    const targets = this.encode(pairs.map(({ target }) => target));
    return sources.map(({ tokenIds: source }, index) => ({
      source,
      target: targets[index]?.tokenIds ?? new Int32Array(0),
    }));
  }
}
