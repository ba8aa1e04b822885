/**
 * What Long Range Arena's authors measured, and how long they trained.
 *
 * Source: Tay et al., arXiv:2011.04006, table 1, and the configurations published with it.
 */

import type { LraTask } from "performer-ts/data";

/** Test accuracies in percent, by our names of the mechanisms. */
export const publishedAccuracy: Readonly<Record<LraTask, Readonly<Record<string, number>>>> = {
  listops: {
    exact: 36.37,
    local: 15.82,
    "sparse-strided": 17.07,
    longformer: 35.63,
    linformer: 35.7,
    reformer: 37.27,
    bigbird: 36.05,
    linear: 16.13,
    favor: 18.01,
  },
  text: {
    exact: 64.27,
    local: 52.98,
    "sparse-strided": 63.58,
    longformer: 62.85,
    linformer: 53.94,
    reformer: 56.1,
    bigbird: 64.02,
    linear: 65.9,
    favor: 65.4,
  },
  retrieval: {
    exact: 57.46,
    local: 53.39,
    "sparse-strided": 59.59,
    longformer: 56.89,
    linformer: 52.27,
    reformer: 53.4,
    bigbird: 59.29,
    linear: 53.09,
    favor: 53.82,
  },
  image: {
    exact: 42.44,
    local: 41.46,
    "sparse-strided": 44.24,
    longformer: 42.22,
    linformer: 38.56,
    reformer: 38.07,
    bigbird: 40.83,
    linear: 42.34,
    favor: 42.77,
  },
  pathfinder: {
    exact: 71.4,
    local: 66.63,
    "sparse-strided": 71.71,
    longformer: 69.71,
    linformer: 76.34,
    reformer: 68.5,
    bigbird: 74.87,
    linear: 75.3,
    favor: 77.05,
  },
};

/** Rows of a step and steps of a run. Image and pathfinder: 200 epochs of the benchmark's data. */
export const publishedTraining: Readonly<Record<LraTask, { readonly rows: number; readonly steps: number }>> = {
  listops: { rows: 32, steps: 5000 },
  text: { rows: 32, steps: 20_000 },
  retrieval: { rows: 32, steps: 5000 },
  image: { rows: 256, steps: 35_156 },
  pathfinder: { rows: 512, steps: 62_500 },
};
