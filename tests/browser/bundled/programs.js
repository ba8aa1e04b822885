// What pages and workers do with the package. In JavaScript, which every bundler takes without being told how.

import { createBackend, favorAttention, PerformerForCausalLM } from "performer-ts";
import {
  createRunFolder,
  openRunFolder,
  readLatestCheckpoint,
  writeCheckpoint,
  writeConfig,
} from "performer-ts/storage";
import { initialState, stateFromCheckpoint, train, trainingConfig } from "performer-ts/training";
import { loadEmbeddedProteins } from "performer-ts/data";
import { modelConfig } from "performer-ts/model";

const sizes = { modelDim: 8, numLayers: 1, numHeads: 1, numFeatures: 3, maxSeqLen: 16, seed: 7 };
const sequences = ["MKVLA", "MKVV", "MLKA"];

/** @param {{ threads?: number }} options */
export async function attend({ threads } = {}) {
  const rows = Array.from({ length: 7 }, (_, t) => Float32Array.from({ length: 4 }, (_, d) => Math.sin(0.3 * t + d)));
  const { data, dims } = await favorAttention(
    { q: rows, k: rows, v: rows },
    {
      numHeads: 2,
      numFeatures: 5,
      seed: 7,
      causal: true,
      ...(threads !== undefined && { backend: createBackend({ threads }) }),
    },
  );
  return { data: Array.from(data), dims };
}

/** The loss before saving, after loading, and after loading the second model of the same name. */
export async function saveAndLoad() {
  const model = PerformerForCausalLM.create(sizes);
  const losses = [];
  for (let round = 0; round < 2; round++) {
    await model.train(sequences, { steps: 3, warmupSteps: 1 });
    await model.save_pretrained("models/tiny");
    const loaded = await PerformerForCausalLM.from_pretrained("models/tiny");
    losses.push([(await model.evaluate(sequences)).lossNats, (await loaded.evaluate(sequences)).lossNats]);
  }
  return losses;
}

/** @param {{ address: string }} options */
export async function loadAddress({ address }) {
  return (await (await PerformerForCausalLM.from_pretrained(address)).evaluate(sequences)).lossNats;
}

/** Trains in one go, and stopped after two steps and gone on with from what the storage has. */
export async function trainAndResume() {
  const { seed, ...model } = sizes;
  const config = modelConfig({ ...model, vocabSize: 11 });
  const training = trainingConfig({ seed, steps: 5, warmupSteps: 1 });
  const batch = {
    batchSize: 2,
    seqLen: 16,
    inputIds: Int32Array.from({ length: 32 }, (_, i) => (i * 7 + 3) % 11),
    targetIds: Int32Array.from({ length: 32 }, (_, i) => (i * i + 5) % 11),
    weights: new Float32Array(32).fill(1),
  };
  const run = { config, training, backend: createBackend(), batches: { batchAt: () => batch } };
  const whole = await train({ ...run, initial: initialState(config, seed) });

  const path = `runs/${crypto.randomUUID()}`;
  const folder = await createRunFolder(path);
  await writeConfig(folder, { model: config, training });
  const stop = new AbortController();
  const { interrupted } = await train({
    ...run,
    initial: initialState(config, seed),
    signal: stop.signal,
    onStep: async ({ step }) => {
      if (step === 2) stop.abort();
    },
    onCheckpoint: async (state) => {
      await writeCheckpoint(folder, state);
      // Of the same step again, which takes the place of the first.
      await writeCheckpoint(folder, state);
    },
  });
  const reopened = await openRunFolder(path);
  const checkpoint = await readLatestCheckpoint(reopened);
  if (checkpoint === undefined) throw new Error("there must be a checkpoint");
  const resumed = await train({
    ...run,
    initial: stateFromCheckpoint(checkpoint),
    onCheckpoint: (state) => writeCheckpoint(reopened, state).then(() => undefined),
  });
  const last = await readLatestCheckpoint(reopened);
  return {
    interrupted,
    from: checkpoint.step,
    saved: last?.step,
    same: await Promise.all([whole, resumed].map(({ state }) => digest({ ...state.model, ...state.optimizer }))),
    names: await namesIn(path),
  };
}

/** @param {Record<string, { data: ArrayLike<number | bigint> }>} tensors */
async function digest(tensors) {
  const names = Object.keys(tensors).toSorted();
  const text = names.map((name) => `${name}: ${Array.from(tensors[name]?.data ?? [], String).join(" ")}`).join("\n");
  const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(sum)).join(" ");
}

/** @param {string} path */
async function namesIn(path) {
  let folder = await navigator.storage.getDirectory();
  for (const part of path.split("/")) folder = await folder.getDirectoryHandle(part);
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  return names.toSorted();
}

/** The messages of what cannot be loaded. @param {{ origin: string }} options */
export async function refusals({ origin }) {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle("no-model", { create: true });
  for (const name of ["config.json", "model.safetensors"]) {
    const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await file.write("<!doctype html>");
    await file.close();
  }
  return Promise.all(
    [
      () => PerformerForCausalLM.from_pretrained("models/none"),
      () => PerformerForCausalLM.from_pretrained(`${origin}/none`),
      () => PerformerForCausalLM.from_pretrained("no-model"),
      () => loadEmbeddedProteins(),
    ].map((load) => messageOf(load)),
  );
}

/** The message of saving where there is no storage. */
export function saveRefused() {
  return messageOf(() => PerformerForCausalLM.create(sizes).save_pretrained("models/tiny"));
}

/** @param {{ dataUrl: string }} options */
export async function proteins({ dataUrl }) {
  return (await loadEmbeddedProteins({ dataUrl })).splits.train.length;
}

/** @param {() => Promise<unknown>} action */
function messageOf(action) {
  return action().then(
    () => "nothing was refused",
    (error) => String(error),
  );
}
