/** The ready classifier of sequences, or with head `regression` a predictor of a number. */
import { requireClass, requireFinite, requireRecords, sequenceOf } from "./check-examples.ts";
import { planLabelledEvaluation, planLabelledTraining, type LabelledSequence } from "../data/index.ts";
import { classOf, predictSequences, wrapped } from "../inference/predict.ts";
import { kindsOfClasses, type ModelKind } from "./model-kinds.ts";
import { PerformerModel, type BatchPlan } from "./performer-model.ts";

/** A sequence and its class, from 0, or its number: as text, or as `loadLabelled` gives it. */
export type LabelledExample = { readonly sequence: string; readonly label: number } | LabelledSequence;

export interface SequencePrediction {
  /** The most probable class, or the number. */
  readonly label: number;
  /** The class's name, where the model has names of classes. */
  readonly className?: string;
  /** The probabilities of all classes; empty for a regression. */
  readonly probabilities: readonly number[];
}

/**
 * An encoder, or a causal decoder, that predicts a class, or with head `regression` a number, of a sequence. It begins
 * from nothing, or from what another model has learnt: `performer finetune` does the same with early stopping and
 * figures.
 *
 * @example
 * const model = PerformerForSequenceClassification.create({ numLabels: 2, modelDim: 64, seed: 7 });
 * await model.train([{ sequence: "MKV", label: 0 }, …], { steps: 200 });
 * const [{ label, probabilities }] = await model.predict(["MKVLAT"]);
 *
 * const tuned = await PerformerForSequenceClassification.from_pretrained("runs/demo", { numLabels: 2, onNotice:
 * console.warn });
 */
export class PerformerForSequenceClassification extends PerformerModel<LabelledExample> {
  static readonly architectureName = "PerformerForSequenceClassification";
  static readonly kinds: readonly ModelKind[] = kindsOfClasses.PerformerForSequenceClassification;

  protected trainingBatches(examples: readonly LabelledExample[], plan: BatchPlan, seed: number) {
    return planLabelledTraining({ ...plan, ...this.#labelled(examples), seed });
  }

  protected evaluationBatches(examples: readonly LabelledExample[], plan: BatchPlan) {
    return planLabelledEvaluation({ ...plan, ...this.#labelled(examples) });
  }

  /**
   * Sequences of more than maxSeqLen − 2 tokens lose their ends, as in training.
   *
   * @throws DataError for parts outside the vocabulary
   */
  async predict(sequences: readonly string[]): Promise<readonly SequencePrediction[]> {
    const { config, tensors, backend, dtype } = this;
    const tokens = wrapped(this.encode(sequences, "predict"), this.vocabulary, this.longest);
    const found = await predictSequences({ config, tensors, backend, dtype, sequences: tokens });
    return found.map(([row = new Float32Array(0)]) =>
      config.head === "regression" ? { label: row[0] ?? Number.NaN, probabilities: [] } : this.named(classOf(row)),
    );
  }

  #labelled(examples: readonly LabelledExample[]) {
    const who = PerformerForSequenceClassification.architectureName;
    const { head, numLabels = 0 } = this.config;
    requireRecords(who, examples, ["sequence", "label"], '{ sequence: "MKV", label: 0 }');
    examples.forEach(({ label }, index) => {
      const what = `label of example ${index + 1}`;
      if (head === "regression") requireFinite(who, what, label);
      else requireClass(who, what, label, numLabels, false);
    });
    const encoded = this.encode(examples.map(sequenceOf), who);
    return {
      sequences: encoded.map((sequence, index) => ({ ...sequence, label: examples[index]?.label ?? 0 })),
      task: head === "regression" ? ("regression" as const) : ("classification" as const),
    };
  }
}
