/** The model that `performer score` asks: a run of ours, or a pretrained one that tells residues. */

import { problem } from "../../graph/errors.ts";
import { proteinVocabulary, type Vocabulary } from "../../data/index.ts";
import { UsageError } from "../../runs/usage.ts";
import { openModel, embeddingModelOf, type EmbeddingModel, type OpenedModel } from "../../runs/open-model.ts";
import { requireProteins, type InputSequence } from "../input/sequence-input.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import type { OnEvent } from "../../runs/events.ts";

export interface ScoringModel extends Pick<EmbeddingModel, "config" | "tensors" | "vocabulary" | "backend"> {
  /** By which proteins are read: a pretrained model has the same letters under other ids. */
  readonly letters: Vocabulary;
  /** A protein under the model's own ids. */
  readonly withOwnIds: (sequence: InputSequence) => InputSequence;
}

/** @throws UsageError for models of anything else than the residues of proteins */
export async function openScoringModel(
  folder: string,
  engine: EngineOptions,
  onEvent?: OnEvent,
): Promise<ScoringModel> {
  const opened = await openModel(folder, engine, onEvent);
  const { config, tensors, vocabulary, backend, encode, reads, name } = embeddingModelOf(opened);
  const letters = opened.kind === "run" ? vocabulary : proteinVocabulary;
  if (opened.kind === "run") requireProteins(vocabulary);
  else if (reads !== "proteins") {
    throw new UsageError(
      problem`the model must read proteins by their letters, got ${name}, which reads ${reads}; use one of proteins`,
    );
  }
  requireLanguageModel(opened, config);
  const withOwnIds = (sequence: InputSequence): InputSequence =>
    encode === undefined ? sequence : { ...sequence, tokenIds: encode(sequence.residues, sequence.id).tokenIds };
  return { config, tensors, vocabulary, backend, letters, withOwnIds };
}

function requireLanguageModel(opened: OpenedModel, { head }: EmbeddingModel["config"]): void {
  if (head === "language-modeling") return;
  if (opened.kind === "pretrained") {
    throw new UsageError(
      problem`the model must tell residues, got ${opened.name}, a body without a head; use weights that were saved with
      it, as EsmForMaskedLM`,
    );
  }
  throw new UsageError(
    problem`the model must tell residues (task language-modeling or masked), got one of task
    ${opened.run.config.data.task}, which tells one label a protein; measure it with eval, and score with a model
    trained with --task language-modeling or masked`,
  );
}
