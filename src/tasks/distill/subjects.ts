/** The two models of a distillation, from their folders, and the texts that it needs. */

import { problem } from "../../graph/errors.ts";
import { isDeepStrictEqual } from "node:util";

import { distillTexts, type DistillTexts, type FileSource, type PretrainedModel } from "../../convert/index.ts";
import { readText } from "../../data/bytes.ts";
import { embeddedTextUrls, openFile } from "../../data/index.ts";
import type { Backend } from "../../runtime/index.ts";
import { UsageError } from "../../runs/usage.ts";
import { openModel } from "../../runs/open-model.ts";
import type { OnEvent } from "../../runs/events.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";

export interface DistillModel {
  readonly name: string;
  readonly model: PretrainedModel;
  readonly source: FileSource;
  readonly backend: Backend;
}

/**
 * @param role `student` or `teacher`, for messages
 * @throws UsageError for runs, which learn from data, and for models of proteins; StorageError or ConfigError as
 *   `openModel`
 */
export async function openDistillModel(
  folder: string,
  role: string,
  engine: EngineOptions,
  onEvent?: OnEvent,
): Promise<DistillModel> {
  const opened = await openModel(folder, engine, onEvent);
  if (opened.kind === "run") {
    throw new UsageError(
      problem`the ${role} must be a converted or a pretrained model, got the run ${folder}; use performer train --init
      ${folder}, for a run has data to learn from`,
    );
  }
  const { name, model, source, backend } = opened;
  if (model.reads !== "text") {
    throw new UsageError(
      problem`the ${role} must read text, got ${folder}, which reads ${model.reads}; use a model of text`,
    );
  }
  return { name, model, source, backend };
}

/** @throws UsageError for tokenizers that number other tokens */
export function requireSameTokens(student: DistillModel, teacher: DistillModel): void {
  const [own, taught] = [student.model.vocabulary.tokens, teacher.model.vocabulary.tokens];
  if (isDeepStrictEqual(own, taught)) return;
  const first = taught.findIndex((token, id) => token !== own[id]);
  throw new UsageError(
    problem`the student must have the tokens of its teacher, got ${own.length} for ${taught.length}, of which the first
    that differs has the id ${first}; give the folder that the student was converted from with --teacher`,
  );
}

export interface TextFiles {
  /** A text to learn from. Default: a novel of the package. */
  readonly data?: string;
  /** A text for the final figures. Default: another novel of the package. */
  readonly test?: string;
}

/**
 * The texts of files; without any those of the package, a novel to learn from and another one to be tested on.
 *
 * @throws ConfigError as `distillTexts`; DataError for files that are no text
 */
export async function readDistillTexts({ data, test }: TextFiles): Promise<DistillTexts> {
  const packaged = async (name: keyof typeof embeddedTextUrls) =>
    readText(openFile(embeddedTextUrls[name]), `${name}.txt`);
  const learnt = data === undefined ? await packaged("prideprejudice") : await readText(openFile(data), data);
  if (test !== undefined) return distillTexts(learnt, { test: await readText(openFile(test), test) });
  return distillTexts(learnt, data === undefined ? { test: await packaged("emma") } : {});
}
