/** The kinds of pretrained models that can be read, by `model_type` of config.json. */
import type { PretrainedArchitecture } from "./architecture.ts";
import { bert, roberta } from "./bert.ts";
import { distilbert } from "./distilbert.ts";
import { esm } from "./esm.ts";
import { gpt2 } from "./gpt2.ts";
import { vit } from "./vit.ts";

export const architectures = { bert, roberta, distilbert, esm, gpt2, vit } as const satisfies Record<
  string,
  PretrainedArchitecture
>;

export type PretrainedModelType = keyof typeof architectures;

export const pretrainedModelTypes = Object.keys(architectures) as readonly PretrainedModelType[]; // its own keys
