/** The subjects that models are trained on to be compared. */

import { problem } from "performer-ts/graph";
import { ConfigError } from "performer-ts/model";
import type { TrainingConfig } from "performer-ts/training";
import type { Subject, SubjectMaker, SubjectRequest } from "./subject.ts";
import { copySubject } from "./subjects/copy.ts";
import { fashionSubject } from "./subjects/images.ts";
import { lraPrefix, lraSubject } from "./subjects/lra.ts";
import { proteinSubject } from "./subjects/proteins.ts";
import { textSubject } from "./subjects/text.ts";

export const subjects = {
  proteins: proteinSubject,
  "pride-and-prejudice": textSubject,
  "fashion-mnist": fashionSubject,
  copy: copySubject,
} as const satisfies Record<string, SubjectMaker>;

/** @throws ConfigError or DataError for data that do not exist, and objectives that they do not have */
export function loadSubject(request: SubjectRequest, training: TrainingConfig): Promise<Subject> {
  return makerOf(request.data)(request, training);
}

function makerOf(data: string): SubjectMaker {
  if (Object.hasOwn(subjects, data)) return subjects[data as keyof typeof subjects]; // one of its keys, just asked
  if (data.startsWith(lraPrefix)) return lraSubject;
  if (/\.(fa|fasta|faa)(\.gz)?$/.test(data)) return proteinSubject;
  if (/\.txt(\.gz)?$/.test(data)) return textSubject;
  throw new ConfigError(
    problem`lab: data must be one of ${Object.keys(subjects).join(", ")}, a FASTA file or a .txt file, got '${data}';
    labelled tables and images are for performer train`,
  );
}
