/**
 * What a child process can be asked to measure: a description that crosses as JSON, and the contender that it stands
 * for.
 */

import { createBackend } from "#engine";
import type { ModelOptions } from "../../model/index.ts";
import { createPrepare, type AttentionCase } from "../contender.ts";
import { attentionContender } from "../memory-subjects.ts";
import { prepareModel } from "../model-graphs.ts";
import type { Contender, Owner } from "../measure.ts";
import type { Pass } from "../products.ts";

export type Job =
  | { readonly kind: "attention"; readonly subject: string; readonly case: AttentionCase; readonly threads: number }
  | {
      readonly kind: "model";
      readonly subject: string;
      readonly model: ModelOptions;
      readonly causal: boolean;
      readonly seqLen: number;
      readonly pass: Pass;
      readonly threads: number;
    };

/** Compiles what the job names; it is run by whoever asked. */
export function prepareJob(job: Job, owned: Owner): Promise<Contender> {
  const backend = createBackend({ threads: job.threads });
  if (job.kind === "attention") return attentionContender(createPrepare(backend, owned), job.subject, job.case);
  return prepareModel(job, backend, owned);
}

/** Requests to the child and its answers, one each in turn. */
export type Request = { readonly do: "prepare"; readonly job: Job } | { readonly do: "run" } | { readonly do: "peak" };
export type Answer = { readonly value: number } | { readonly error: string };
