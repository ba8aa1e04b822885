/** The ready masked language model: an encoder that predicts hidden tokens from both sides. */
import { planMaskedEvaluation, planMaskedTraining } from "./data/index.ts";
import { PerformerModel, type BatchPlan, type ModelKind } from "./performer-model.ts";

/**
 * An encoder trained to predict hidden tokens, as BERT; examples are sequences.
 *
 * @example
 * const model = PerformerForMaskedLM.create({ modelDim: 128, numLayers: 2, seed: 7 });
 * await model.train(["MKVLAT…", …], { steps: 200 });
 * const { accuracy } = await model.evaluate(["MKVLAT…"]);
 */
export class PerformerForMaskedLM extends PerformerModel<string> {
  static readonly architectureName = "PerformerForMaskedLM";
  static readonly kinds: readonly ModelKind[] = [{ architecture: "encoder", head: "language-modeling" }];

  protected trainingBatches(sequences: readonly string[], plan: BatchPlan, seed: number) {
    return planMaskedTraining({ ...plan, sequences: this.encode(sequences), seed });
  }

  protected evaluationBatches(sequences: readonly string[], plan: BatchPlan, seed: number) {
    return planMaskedEvaluation({ ...plan, sequences: this.encode(sequences), seed });
  }
}
