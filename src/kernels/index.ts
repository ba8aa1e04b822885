/** Kernels estimated by random features, for data outside attention. */
export { KernelError } from "./errors.ts";
export { estimateKernel } from "./estimate.ts";
export type { EstimateKernelOptions, KernelEstimate } from "./estimate.ts";
export { exactKernel } from "./exact.ts";
export type { ArcCosineOrder, ExactKernelOptions, KernelName } from "./exact.ts";
export type { Normalizers, RowNormalizer, SoftmaxRow, SoftmaxScores } from "./queries.ts";
export type { SampledItems } from "./sample-items.ts";
export { createSoftmax } from "./softmax.ts";
export type { Softmax, SoftmaxOptions } from "./softmax.ts";
export { kernelMatrix, kernelTerms } from "./terms.ts";
