/** What the page and Node compute side by side, in numbers that cross as JSON. */

import type { ArrayAttentionOptions } from "../../src/index.ts";
import type { ModelOptions } from "../../src/model/index.ts";

type Plain<T> = { readonly [Key in keyof T]: T[Key] };

export interface AttentionCase {
  readonly q: readonly number[];
  readonly k: readonly number[];
  readonly v: readonly number[];
  readonly dims: readonly number[];
  readonly options: Plain<Omit<ArrayAttentionOptions, "backend">>;
}

export interface TrainingCase {
  readonly model: Plain<ModelOptions>;
  readonly training: { readonly seed: number; readonly steps: number; readonly warmupSteps: number };
  readonly batch: {
    readonly batchSize: number;
    readonly seqLen: number;
    readonly inputIds: readonly number[];
    readonly targetIds: readonly number[];
    readonly weights: readonly number[];
  };
}
