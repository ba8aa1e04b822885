/** The ready tagger: an encoder that predicts a class of every token. */
import { planTaggedEvaluation, planTaggedTraining } from "./data/index.ts";
import { predictSequences } from "./inference/index.ts";
import { ConfigError } from "./model/index.ts";
import { classOf, wrapped, type SequencePrediction } from "./performer-for-sequence-classification.ts";
import { PerformerModel, type BatchPlan, type ModelKind } from "./performer-model.ts";

/** A sequence and the classes of its tokens, from 0; −1 where there is none to be learned. */
export interface TaggedExample {
  readonly sequence: string;
  readonly labels: ArrayLike<number>;
}

/**
 * An encoder that predicts a class of every token of a sequence.
 *
 * @example
 * const model = PerformerForTokenClassification.create({ numLabels: 3, modelDim: 64, seed: 7 });
 * await model.train([{ sequence: "MKV", labels: [0, 2, 1] }, …], { steps: 200 });
 * const [tokens] = await model.predict(["MKVLAT"]);
 */
export class PerformerForTokenClassification extends PerformerModel<TaggedExample> {
  static readonly architectureName = "PerformerForTokenClassification";
  static readonly kinds: readonly ModelKind[] = [{ architecture: "encoder", head: "token-classification" }];

  protected trainingBatches(examples: readonly TaggedExample[], plan: BatchPlan, seed: number) {
    return planTaggedTraining({ ...plan, sequences: this.#tagged(examples), seed });
  }

  protected evaluationBatches(examples: readonly TaggedExample[], plan: BatchPlan) {
    return planTaggedEvaluation({ ...plan, sequences: this.#tagged(examples) });
  }

  /**
   * @returns for each sequence a prediction a token; of longer sequences than maxSeqLen − 2 for the tokens that are read
   * @throws DataError for parts outside the vocabulary
   */
  async predict(sequences: readonly string[]): Promise<readonly (readonly SequencePrediction[])[]> {
    const { config, tensors, backend, dtype } = this;
    const tokens = wrapped(this.encode(sequences), this.vocabulary, config.maxSeqLen);
    const found = await predictSequences({ config, tensors, backend, dtype, sequences: tokens });
    // Without the begin and the end.
    return found.map((rows) => rows.slice(1, -1).map(classOf));
  }

  #tagged(examples: readonly TaggedExample[]) {
    return this.encode(examples.map(({ sequence }) => sequence)).map((sequence, index) => {
      const tagIds = Int32Array.from(examples[index]?.labels ?? []);
      if (tagIds.length === sequence.tokenIds.length) return { ...sequence, tagIds };
      throw new ConfigError(
        `train: labels must be one for each of the ${sequence.tokenIds.length} tokens of ${sequence.id}, got ${tagIds.length}; ` +
          "use −1 where there is none to be learned",
      );
    });
  }
}
