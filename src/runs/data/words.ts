/** What the pieces are called that a model predicts: residues of proteins, bytes of text, intensities of images. */

import type { Vocabulary, VocabularyDescription } from "../../data/index.ts";
import type { DataKind, Task } from "./source.ts";

export interface Words {
  /** What is predicted: "residue". */
  readonly unit: string;
  /** "residues". */
  readonly units: string;
  /** What is generated: "protein". */
  readonly sample: string;
  /** "proteins". */
  readonly samples: string;
  /** What a prediction is: "the next residue". */
  readonly predicted: string;
}

const units = {
  letters: ["residue", "residues"],
  bytes: ["byte", "bytes"],
  characters: ["character", "characters"],
  words: ["word", "words"],
  pixels: ["intensity", "intensities"],
  tokenizer: ["token", "tokens"],
} as const satisfies Record<VocabularyDescription["kind"], readonly [string, string]>;

const samples = {
  proteins: ["protein", "proteins"],
  text: ["text", "texts"],
  images: ["image", "images"],
  table: ["sequence", "sequences"],
} as const satisfies Record<DataKind, readonly [string, string]>;

const predicted = {
  "language-modeling": (unit: string) => `the next ${unit}`,
  masked: (unit: string) => `a hidden ${unit}`,
  classification: () => "the class",
  regression: () => "the value",
} as const satisfies Record<Task, (unit: string) => string>;

export function wordsOf(kind: DataKind, task: Task, vocabulary: Vocabulary): Words {
  const [sample, plural] = samples[kind];
  const isWhole = task === "classification" || task === "regression";
  const [unit, many] = isWhole ? ([sample, plural] as const) : units[vocabulary.toJSON().kind];
  return { unit, units: many, sample, samples: plural, predicted: predicted[task](unit) };
}
