/** The ready sequence-to-sequence model: an encoder–decoder that turns one sequence into another. */
import { refuseUnknownKeys, requireRecords } from "./check-examples.ts";
import { DataError } from "../data/index.ts";
import { generateTargets } from "../inference/index.ts";
import { generationSettings, type GenerationOptions } from "./performer-for-causal-lm.ts";
import { wrapped } from "../inference/predict.ts";
import { kindsOfClasses, type ModelKind } from "./model-kinds.ts";
import { PerformerModel, type BatchPlan } from "./performer-model.ts";
import { planPairEvaluation, planPairTraining } from "./sequence-pairs.ts";

/** A sequence and what it is to become. */
export interface SequencePair {
  readonly source: string;
  readonly target: string;
}

/** Generation options. Each source has one target, so there is no `num_return_sequences`; there are no tags either. */
export type TargetGenerationOptions = Omit<GenerationOptions, "num_return_sequences" | "tag">;

export interface GeneratedText {
  readonly sequence: string;
  /** Whether the model ended it; otherwise max_new_tokens did. */
  readonly finished: boolean;
  /** Σ log p of its tokens, the end included, in nats. */
  readonly logLikelihoodNats: number;
}

const targetKeys = [
  "max_new_tokens",
  "min_new_tokens",
  "repetition_penalty",
  "temperature",
  "top_k",
  "top_p",
  "seed",
] as const satisfies readonly (keyof TargetGenerationOptions)[];

/**
 * An encoder–decoder that turns sequences into others.
 *
 * A source may have maxSeqLen − 2 tokens and a target of training maxSeqLen − 1; longer ones are refused. Options of `create` are those
 * of all models: `mechanism` stands in the encoder and, unless `decoderMechanism` and `crossMechanism` name others, also in the decoder
 * and between both. Give these two where `mechanism` cannot stand there: windows, as of 'local', cannot cross, and 'linformer' cannot be causal.
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
   * A target for each source.
   *
   * @throws DataError for parts outside the vocabulary and sources of more than maxSeqLen − 2 tokens; ConfigError for options out of
   *   range
   */
  async generate(sources: readonly string[], options: TargetGenerationOptions = {}): Promise<readonly GeneratedText[]> {
    refuseUnknownKeys("generate", options, targetKeys);
    const { config, tensors, vocabulary, backend, dtype } = this;
    const { bosId, eosId, padId, maskId } = vocabulary;
    const encoded = this.encode(sources, "generate", "source");
    for (const { id, tokenIds } of encoded) {
      if (tokenIds.length <= config.maxSeqLen - 2) continue;
      throw new DataError({
        who: "generate",
        rule: `a source must have at most maxSeqLen − 2 = ${config.maxSeqLen - 2} tokens`,
        got: `${tokenIds.length} (${id})`,
        fix: "cut it, or create the model with a larger maxSeqLen",
      });
    }
    const targets = await generateTargets({
      config,
      tensors,
      backend,
      dtype,
      bosId,
      eosId,
      never: [padId, bosId, maskId],
      sources: wrapped(encoded, vocabulary, config.maxSeqLen),
      ...generationSettings(options),
    });
    return targets.map(({ tokenIds, finished, logLikelihoodNats }) => ({
      sequence: vocabulary.decode(tokenIds),
      finished,
      logLikelihoodNats,
    }));
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
