/** The laboratory's claims, in the order in which they are listed and run. */

import type { Claim, Experiment } from "performer-ts/lab";

import { compare } from "./compare/run.ts";
import { complexity } from "./complexity/run.ts";
import { lra } from "./lra/run.ts";
import { backwardCompatibility } from "./backward-compatibility/run.ts";
import { attentionError } from "./attention-error/run.ts";
import { copyTask } from "./copy-task/run.ts";
import { errorPropagation } from "./error-propagation/run.ts";
import { kernelSweep } from "./kernel-sweep/run.ts";

import { longProteins } from "./long-proteins/run.ts";
import { optimalFeatures } from "./optimal-features/run.ts";
import { pixelsAndText } from "./pixels-and-text/run.ts";
import { proteinMechanisms } from "./protein-mechanisms/run.ts";
import { similarityMatrix } from "./similarity-matrix/run.ts";
import { softmaxRatio } from "./softmax-ratio/run.ts";
import { table2 } from "./table-2/run.ts";
import { trigonometricInstability } from "./trigonometric-instability/run.ts";
import { unsignedQr } from "./unsigned-qr/run.ts";
import { lemma2 } from "./lemma-2/run.ts";
import { regularizedKernel } from "./regularized-kernel/run.ts";
import { theorem2 } from "./theorem-2/run.ts";
import { unbiasedness } from "./unbiasedness/run.ts";

export const claims: readonly Claim[] = [
  unsignedQr,
  unbiasedness,
  lemma2,
  theorem2,
  regularizedKernel,
  softmaxRatio,
  attentionError,
  optimalFeatures,
  errorPropagation,
  backwardCompatibility,
  trigonometricInstability,
  copyTask,
  proteinMechanisms,
  table2,
  kernelSweep,
  longProteins,
  similarityMatrix,
  pixelsAndText,
];

export const experiments: readonly Experiment[] = [compare, lra, complexity];
