/**
 * Steps block by block: gradient checkpointing at the borders of the blocks.
 *
 * Forward, only what every block reads is kept; backward, each block is computed again from that, so memory is that of
 * one block and one activation a layer. Of a reversible model nothing is kept but what the last block leaves. One
 * compiled graph serves all layers. Gradients and dropout masks are those of a step in one go.
 *
 * Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174.
 */
import { formFor, type ExecutionForm } from "../attention/mechanism.ts";
import { toFloat32, zeros, type NdArray } from "../graph/ndarray.ts";
import { mapValues, renamed } from "../graph/records.ts";
import type { ModelConfig } from "../model/config.ts";
import { isPooled } from "../model/output.ts";
import { layerPrefix, type Named } from "../model/parameters.ts";
import { isList } from "../model/stacks.ts";
import { feedsFor, type Backend, type Executable, type Feeds } from "../runtime/backend.ts";
import type { Batch, BatchShape } from "../data/batch.ts";
import {
  blockBackward,
  blockForward,
  embeddingBackward,
  embeddingForward,
  firstMaskOf,
  GRADIENT_OF_NEXT,
  headBackward,
  headEvaluation,
  LOSS_SCALE,
  NEXT,
  STREAM,
  tensorsOfLayer,
} from "./block-graphs.ts";
import { addSums, NO_SUMS, sumsOf } from "./evaluation-sums.ts";
import type { Execution, LossOptions, MaskSource } from "./execution.ts";
import { frozenLayers, pickNames, trainableNames } from "./freeze.ts";
import { createGraphCache, planned, type GraphPlan } from "./graph-plan.ts";
import { accumulate, batchFeeds, gradientsOf, partLengths } from "./graphs.ts";

/** Logits held at a time: 32 MB, enough rows for the products of any vocabulary to run at full rate. */
const LOGITS_AT_A_TIME = 2 ** 23;

/** The halves of a stream by name, `stream.0` and, in a reversible model, `stream.1`: `[B, L, modelDim]` each. */
type StreamArrays = Record<string, NdArray>;

const noMasks: MaskSource = () => ({});

type BlockOptions = LossOptions & { readonly form: ExecutionForm };

/** The first layer with each layer's mechanism: layers with the same share their graphs. */
function firstAlike({ mechanism, numLayers }: ModelConfig): readonly number[] {
  if (!isList(mechanism)) return Array<number>(numLayers).fill(0);
  const choices = mechanism.map((choice) => JSON.stringify(choice));
  return choices.map((choice) => choices.indexOf(choice));
}

function blockGraphs({ dropout, labelSmoothing, form }: BlockOptions) {
  const kindOf = (layer: number) => (layer === 0 ? "" : ` as of layer ${layer}`);
  // The rate is part of the key: without dropout, training and evaluation share their graphs.
  const forward = (rate: number) => ({
    embedding: planned(`embedding with dropout ${rate}`, (config, shape) => embeddingForward(config, shape, rate)),
    block: (layer: number) =>
      planned(`block${kindOf(layer)} with dropout ${rate}`, (config, shape) =>
        blockForward(config, shape, { layer, dropout: rate, form }),
      ),
  });
  return {
    training: forward(dropout),
    evaluation: forward(0),
    backward: {
      embedding: planned("embedding backward", (config, shape) => embeddingBackward(config, shape, dropout)),
      block: (layer: number) =>
        planned(`block${kindOf(layer)} backward`, (config, shape) =>
          blockBackward(config, shape, { layer, dropout, form }),
        ),
      head: planned("head backward", (config, shape) => headBackward(config, shape, labelSmoothing)),
    },
    evaluationHead: planned("head evaluation", headEvaluation),
  };
}

export function planBlocks(config: ModelConfig, options: BlockOptions): GraphPlan {
  const { training, evaluation, backward, evaluationHead } = blockGraphs(options);
  const alike = firstAlike(config);
  const kinds = [...new Set(alike)];
  const frozen = frozenLayers(config, options.freeze);
  return {
    training: (shape) => [
      ...[training.embedding, ...kinds.map(training.block)].map((graph) => graph(shape)),
      ...(frozen === 0 ? [backward.embedding(shape)] : []),
      ...[...new Set(alike.slice(frozen))].map((kind) => backward.block(kind)(shape)),
      ...headShapes(config, shape).map(backward.head),
    ],
    evaluation: (shape) => [
      ...[evaluation.embedding, ...kinds.map(evaluation.block)].map((graph) => graph(shape)),
      ...headShapes(config, shape).map(evaluationHead),
    ],
  };
}

export function createBlockExecution(config: ModelConfig, backend: Backend, options: LossOptions): Execution {
  const form = formFor(backend.device);
  const { training, evaluation, backward, evaluationHead } = blockGraphs({ ...options, form });
  const plan = planBlocks(config, { ...options, form });
  const alike = firstAlike(config);
  const frozen = frozenLayers(config, options.freeze);
  const trainable = trainableNames(config, options.freeze);
  const cache = createGraphCache(config, backend);

  /** The stream behind the last block; `onStream` is told what each block reads. */
  const forward = async (
    graphs: Pick<typeof training, "embedding" | "block">,
    tensors: Named<NdArray>,
    batch: Batch,
    masks: MaskSource,
    onStream: (stream: StreamArrays, layer: number) => void = () => undefined,
  ): Promise<StreamArrays> => {
    const embedding = await cache.get(graphs.embedding(batch));
    let stream: StreamArrays = await run(embedding, { ...tensors, ...batchFeeds(batch), ...masks(embedding) });
    for (let layer = 0; layer < config.numLayers; layer++) {
      onStream(stream, layer);
      const block = await cache.get(graphs.block(alike[layer] ?? 0)(batch));
      const ownMasks = masks(block, { first: firstMaskOf(layer) });
      const feeds = { ...tensorsOfLayer(tensors, layer), ...batchFeeds(batch), ...stream, ...ownMasks };
      stream = renamed(await run(block, feeds), NEXT, STREAM);
    }
    return stream;
  };

  return {
    prepare: async (shape) => {
      for (const graph of plan.training(shape)) await cache.get(graph);
    },
    step: async (tensors, batch, masks) => {
      const kept: StreamArrays[] = [];
      let stream = await forward(training, tensors, batch, masks, (before, layer) => {
        if (!config.reversible && layer >= frozen) kept.push(before);
      });
      const weightSum = batch.weights.reduce((total, weight) => total + weight, 0);
      const scale = { [LOSS_SCALE]: Float32Array.of(1 / Math.max(weightSum, 1)) };
      const gradients: Record<string, NdArray> = {};
      let lossSum = 0;
      let above: StreamArrays = mapValues(stream, ({ shape }) => zeros(shape));
      for (const rows of rowsOf(config, batch, stream)) {
        const head = await cache.get(backward.head(rows.shape));
        const results = await run(head, { ...tensors, ...rows.feeds, ...scale });
        lossSum += Number(results["lossSum"]?.data[0]);
        const found = gradientsOf(results);
        for (const [name, { data }] of Object.entries(above)) {
          (data as Float32Array).set(toFloat32(found[name] as NdArray), rows.start * config.modelDim); // zeros are float32
        }
        accumulate(gradients, withoutStream(found));
      }
      for (let layer = config.numLayers - 1; layer >= frozen; layer--) {
        const block = await cache.get(backward.block(alike[layer] ?? 0)(batch));
        const results = await run(block, {
          ...tensorsOfLayer(tensors, layer),
          ...batchFeeds(batch),
          ...(config.reversible ? renamed(stream, STREAM, NEXT) : kept.pop()),
          ...renamed(above, STREAM, GRADIENT_OF_NEXT),
          ...masks(block, { first: firstMaskOf(layer) }),
        });
        const found = gradientsOf(results);
        stream = renamed(results, STREAM, STREAM);
        above = renamed(found, STREAM, STREAM);
        Object.assign(gradients, renamed(found, layerPrefix(0), layerPrefix(layer)));
      }
      if (frozen === 0) {
        const embedding = await cache.get(backward.embedding(batch));
        // A norm of the embeddings is computed again on the way back.
        const read = { ...tensors, ...batchFeeds(batch), ...masks(embedding) };
        const feeds = { ...read, ...renamed(above, STREAM, GRADIENT_OF_NEXT) };
        accumulate(gradients, gradientsOf(await run(embedding, feeds)));
      }
      const trained = frozen === 0 ? gradients : pickNames(gradients, trainable);
      return { lossNats: lossSum / Math.max(weightSum, 1), weightSum, gradients: trained };
    },
    evaluate: async (tensors, batch) => {
      const stream = await forward(evaluation, tensors, batch, noMasks);
      let totals = NO_SUMS;
      for (const { shape, feeds, targets } of rowsOf(config, batch, stream)) {
        const results = await run(await cache.get(evaluationHead(shape)), { ...tensors, ...feeds });
        totals = addSums(totals, sumsOf(results, targets));
      }
      return totals;
    },
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
}

/**
 * The rows of the stream behind the last block whose logits are computed at a time, in the order of the batch, as
 * batches of one row.
 */
function headShapes(config: ModelConfig, shape: BatchShape): readonly BatchShape[] {
  const { batchSize, seqLen } = shape;
  // One prediction a sequence: all of its positions are read.
  if (isPooled(config)) return [shape];
  const rows = batchSize * seqLen;
  const most = Math.max(1, Math.floor(LOGITS_AT_A_TIME / (config.numLabels ?? config.vocabSize)));
  const each = Math.ceil(rows / Math.ceil(rows / most));
  return partLengths(rows, each).map((length) => ({ batchSize: 1, seqLen: length }));
}

/**
 * The rows of a batch and of the stream behind the last block, as the output layer is given them: views, not copies.
 */
function* rowsOf(config: ModelConfig, batch: Batch, stream: StreamArrays) {
  const { modelDim } = config;
  if (isPooled(config)) {
    yield { start: 0, shape: batch, feeds: { ...stream, ...batchFeeds(batch) }, targets: batch };
    return;
  }
  let start = 0;
  for (const shape of headShapes(config, batch)) {
    const end = start + shape.seqLen;
    const feeds: Feeds = {
      ...mapValues(stream, (half) => toFloat32(half).subarray(start * modelDim, end * modelDim)),
      ...mapValues(batchFeeds(batch), (data) => data.subarray(start, end)),
    };
    yield { start, shape, feeds, targets: { weights: batch.weights.subarray(start, end) } };
    start = end;
  }
}

function run(executable: Executable, feeds: Feeds): Promise<Record<string, NdArray>> {
  return executable.run(feedsFor(executable, feeds));
}

function withoutStream(found: Named<NdArray>): Record<string, NdArray> {
  return Object.fromEntries(Object.entries(found).filter(([name]) => !name.startsWith(STREAM)));
}
