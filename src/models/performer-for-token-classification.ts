/** The ready tagger: an encoder that predicts a class of every token. */
import { requireClass, requireRecords, sequenceOf, written } from "./check-examples.ts";
import { DataError, planTaggedEvaluation, planTaggedTraining, type TaggedSequence } from "../data/index.ts";
import { classOf, predictSequences, wrapped } from "../inference/predict.ts";
import type { SequencePrediction } from "./performer-for-sequence-classification.ts";
import { kindsOfClasses, type ModelKind } from "./model-kinds.ts";
import { PerformerModel, type BatchPlan } from "./performer-model.ts";

/**
 * A sequence and the classes of its tokens, from 0, or −1 where there is none to be learned: as text, or as
 * `loadTagged` gives it.
 */
export type TaggedExample = { readonly sequence: string; readonly labels: ArrayLike<number> } | TaggedSequence;

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
  static readonly kinds: readonly ModelKind[] = kindsOfClasses.PerformerForTokenClassification;

  protected trainingBatches(examples: readonly TaggedExample[], plan: BatchPlan, seed: number) {
    return planTaggedTraining({ ...plan, sequences: this.#tagged(examples), seed });
  }

  protected evaluationBatches(examples: readonly TaggedExample[], plan: BatchPlan) {
    return planTaggedEvaluation({ ...plan, sequences: this.#tagged(examples) });
  }

  /**
   * @returns for each sequence a prediction a token; of longer sequences than maxSeqLen − 2 for the tokens that are
   *   read
   * @throws DataError for parts outside the vocabulary
   */
  async predict(sequences: readonly string[]): Promise<readonly (readonly SequencePrediction[])[]> {
    const { config, tensors, backend, dtype } = this;
    const tokens = wrapped(this.encode(sequences, "predict"), this.vocabulary, this.longest);
    const found = await predictSequences({ config, tensors, backend, dtype, sequences: tokens });
    // Without the begin and the end.
    return found.map((rows) => rows.slice(1, -1).map((row) => this.named(classOf(row))));
  }

  #tagged(examples: readonly TaggedExample[]) {
    const who = PerformerForTokenClassification.architectureName;
    requireRecords(who, examples, ["sequence", "labels"], '{ sequence: "MKV", labels: [0, 1, 0] }');
    const { numLabels = 0 } = this.config;
    const encoded = this.encode(examples.map(sequenceOf), who);
    return encoded.map((sequence, index) => {
      const example = examples[index];
      const labels: unknown = example && ("tagIds" in example ? example.tagIds : example.labels);
      const isList = Array.isArray(labels) || ArrayBuffer.isView(labels);
      const given = isList ? Array.from(labels as ArrayLike<unknown>) : []; // a list, as was just seen
      if (!isList || given.length !== sequence.tokenIds.length) {
        throw new DataError({
          who,
          rule: `labels must be one for each of the ${sequence.tokenIds.length} tokens of ${sequence.id}`,
          got: isList ? String(given.length) : written(labels),
          fix: "use −1 where there is none to be learned",
        });
      }
      given.forEach((label, at) =>
        requireClass(who, `label ${at + 1} of example ${index + 1}`, label, numLabels, true),
      );
      return { ...sequence, tagIds: Int32Array.from(given, Number) };
    });
  }
}
