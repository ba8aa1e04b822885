/** config.json of exports: the class that transformers.js takes a folder for, and what its labels mean. */

import { describe, expect, it } from "vitest";

import { exportedConfig } from "../../src/convert/onnx/config-file.ts";
import type { ModelOptions } from "../../src/model/config.ts";
import { tinyConfig } from "../model/harness.ts";
import { tinyModel } from "./onnx.ts";

const encoder = (options: Partial<ModelOptions>) => tinyModel(tinyConfig({ architecture: "encoder", ...options }));

describe("exportedConfig", () => {
  it("calls any encoder BERT, and keeps how its vectors are made", () => {
    const model = { ...encoder({}), pooling: "cls", normalize: true } as const;
    expect(exportedConfig(model, "states", 19, { dtype: "int8" })).toMatchObject({
      model_type: "bert",
      architectures: ["BertModel"],
      hidden_size: 12,
      max_position_embeddings: 19,
      pad_token_id: 0,
      performer: { dtype: "int8", pooling: "cls", normalize: true, model: model.config },
    });
  });

  it.each([
    ["sequence-classification", "BertForSequenceClassification"],
    ["token-classification", "BertForTokenClassification"],
  ] as const)("names the classes of %s", (head, architecture) => {
    const model = { ...encoder({ head, numLabels: 2 }), classNames: ["membrane", "soluble"] };
    expect(exportedConfig(model, "predictions", 19, {})).toMatchObject({
      architectures: [architecture],
      id2label: { 0: "membrane", 1: "soluble" },
      label2id: { membrane: 0, soluble: 1 },
    });
  });

  it("numbers classes without names, and has none for tokens", () => {
    const labelled = exportedConfig(encoder({ head: "regression", numLabels: 2 }), "predictions", 19, {});
    expect(labelled).toMatchObject({ problem_type: "regression", id2label: { 0: "LABEL_0", 1: "LABEL_1" } });
    const masked = exportedConfig(encoder({}), "predictions", 19, {});
    expect(masked).toMatchObject({ architectures: ["BertForMaskedLM"] });
    expect(masked).not.toHaveProperty("id2label");
  });

  it("calls a decoder by our name", () => {
    expect(exportedConfig(tinyModel(tinyConfig()), "predictions", 19, { states: [] })).toMatchObject({
      model_type: "performer",
      architectures: ["PerformerForCausalLM"],
      bos_token_id: 1,
      eos_token_id: 2,
    });
  });
});
