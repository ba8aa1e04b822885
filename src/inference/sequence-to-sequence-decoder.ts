/**
 * Decoding of encoder–decoders: sources are read once, and what cross-attention needs of them is kept: keys and values,
 * or what the mechanism sums them up to. The decoder's own attention goes on by its state where it carries one, else by
 * reading the target again.
 */
import { ConfigError, problem } from "../graph/errors.ts";
import { formFor } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import { readSource, targetLogits, targetLogitsOfPart, type Source } from "../model/encoder-decoder.ts";
import type { Named } from "../model/parameters.ts";
import { initialStates, nextStateOutputs, nextStates, stateInputs } from "../model/parts.ts";
import { longestSequence, positionFeeds, positionInputs } from "../model/positions.ts";
import { checkTensors } from "../model/tensors.ts";
import { input } from "../ops/source.ts";
import { feedsFor, RuntimeError, type Backend, type Executable, type WeightOptions } from "../runtime/backend.ts";
import { withWeights } from "../runtime/weights.ts";
import { checkPosition, checkToken } from "./batch-decoder.ts";
import { constantModel } from "./step-graph.ts";
import { canStep } from "./stepping-slots.ts";

/** Targets of B sources that grow in step, one token each a call. */
export interface SequenceToSequenceDecoder extends AsyncDisposable {
  /** Position of the next token. */
  readonly position: number;
  /** Logits a target: vocabSize, or of a pointer the tokens of the longest source. */
  readonly width: number;
  /**
   * Reads one token of every target.
   *
   * @param tokens `[B]`
   * @returns logits of what follows, `[B, width]`
   */
  readonly next: (tokens: Int32Array) => Promise<Float32Array>;
}

/** Lengths are rounded up to multiples of this, so that few graphs are compiled. */
const BUCKET = 64;

const SUMMARISED = { summarise: true } as const;

/**
 * @param tensors weights and projections; they become constants of the compiled graphs
 * @param sources tokens of each source; at least one
 * @throws ConfigError for other models than encoder–decoders, and sources that are longer than the model can read
 * @throws RuntimeError for no sources, and a dtype that the device does not have
 */
export async function createSequenceToSequenceDecoder(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  sources: readonly ArrayLike<number>[],
  weights: Pick<WeightOptions, "dtype"> = {},
): Promise<SequenceToSequenceDecoder> {
  checkModel(config);
  checkTensors(config, tensors, "createSequenceToSequenceDecoder");
  const longest = checkSources(config, sources);
  const B = sources.length;
  const S = paddedLength(config, longest);
  const form = formFor(backend.device);
  const model = constantModel(config, tensors);
  const stored = withWeights(backend, weights);

  const read = sourceOutputs(readSource(model, input("sourceIds", [B, S], "int32"), { form, ...SUMMARISED }));
  const source = await runOnce(stored, read, { sourceIds: padded(config, sources, S) });
  const known = sourceInputs(read);

  const readTarget = canStep(config) ? await byState() : byRereading();
  let position = 0;
  return {
    get position() {
      return position;
    },
    width: config.head === "pointer" ? longest : config.vocabSize,
    next: async (tokens) => {
      if (tokens.length !== B) {
        throw new RuntimeError(
          problem`decode: tokens must be one for each of ${B} sources, got ${tokens.length}; create the decoder for as
          many as there are`,
        );
      }
      checkPosition(config, position);
      tokens.forEach((token) => checkToken(config, token));
      const logits = await readTarget.next(tokens, position);
      position++;
      return config.head === "pointer" ? columns(logits, B, longest) : logits;
    },
    [Symbol.asyncDispose]: () => readTarget.dispose(),
  };

  /** One token at a time. */
  async function byState(): Promise<TargetReader> {
    const ids = input("tokenIds", [B, 1], "int32");
    const options = { form, ...SUMMARISED };
    const part = targetLogitsOfPart(model, known, ids, positionInputs(config, 1), stateInputs(config, B), options);
    const step = await stored.compile({ outputs: { logits: part.logits, ...nextStateOutputs(part.states) } });
    let states = initialStates(config, B);
    return {
      next: async (tokenIds, at) => {
        const feeds = { tokenIds, ...source, ...states, ...positionFeeds(config, at, 1) };
        const results = await step.run(feedsFor(step, feeds));
        states = nextStates(results);
        return results["logits"]?.data as Float32Array; // declared float32
      },
      dispose: () => step.dispose(),
    };
  }

  /** The whole target again for every token. */
  function byRereading(): TargetReader {
    const targets = sources.map((): number[] => []);
    let graph: { readonly length: number; readonly run: Executable } | undefined;
    const graphFor = async (needed: number) => {
      if (graph !== undefined && graph.length >= needed) return graph;
      await graph?.run.dispose();
      const length = paddedLength(config, needed);
      const logits = targetLogits(model, known, input("tokenIds", [B, length], "int32"), { form, ...SUMMARISED });
      graph = { length, run: await stored.compile({ outputs: { logits } }) };
      return graph;
    };
    return {
      next: async (tokenIds, at) => {
        targets.forEach((target, row) => target.push(tokenIds[row] ?? 0));
        const { length, run } = await graphFor(at + 1);
        const results = await run.run(feedsFor(run, { tokenIds: padded(config, targets, length), ...source }));
        const all = results["logits"]?.data as Float32Array; // declared float32
        const width = all.length / (B * length);
        const out = new Float32Array(B * width);
        for (let row = 0; row < B; row++) {
          const from = (row * length + at) * width;
          out.set(all.subarray(from, from + width), row * width);
        }
        return out;
      },
      dispose: async () => graph?.run.dispose(),
    };
  }
}

interface TargetReader {
  /** Logits behind one more token of every target, which stands at a position. */
  readonly next: (tokenIds: Int32Array, position: number) => Promise<Float32Array>;
  readonly dispose: () => Promise<void>;
}

function checkModel({ architecture }: ModelConfig): void {
  if (architecture === "encoder-decoder") return;
  throw new ConfigError(
    problem`createSequenceToSequenceDecoder: architecture must be 'encoder-decoder', got '${architecture}'; use
    createDecoder for a decoder, and predictions for an encoder`,
  );
}

/** @returns the length of the longest */
function checkSources(config: ModelConfig, sources: readonly ArrayLike<number>[]): number {
  const lengths = sources.map(({ length }) => length);
  if (lengths.length === 0 || lengths.includes(0)) {
    const got = lengths.length === 0 ? "none" : `lengths ${lengths.join(", ")}`;
    throw new RuntimeError(
      problem`decode: sources must be one or more with a token each, got ${got}; leave empty ones out`,
    );
  }
  const most = Math.max(...lengths);
  const { length, reason } = longestSequence(config);
  if (most > length) {
    throw new ConfigError(
      problem`decode: with ${reason}, sources must not exceed maxSeqLen ${length}, got ${most}; cut them`,
    );
  }
  for (const source of sources) for (const token of Array.from(source)) checkToken(config, token);
  return most;
}

function paddedLength(config: ModelConfig, length: number): number {
  return Math.min(Math.ceil(length / BUCKET) * BUCKET, longestSequence(config).length);
}

/** Rows of one length, filled up with padding. */
function padded({ padId }: ModelConfig, rows: readonly ArrayLike<number>[], length: number): Int32Array {
  const out = new Int32Array(rows.length * length).fill(padId);
  rows.forEach((row, index) => out.set(row, index * length));
  return out;
}

/** The first columns of `[B, W]`. */
function columns(all: Float32Array, rows: number, width: number): Float32Array {
  const from = all.length / rows;
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) out.set(all.subarray(row * from, row * from + width), row * width);
  return out;
}

const LAYER = "source.layers.";

/** The stored arrays of a source, by name. */
function sourceOutputs({ mask, layers, pointerKeys }: Source): Record<string, Tensor> {
  return {
    "source.mask": mask,
    ...(pointerKeys && { "source.pointerKeys": pointerKeys }),
    ...Object.fromEntries(
      layers.flatMap((known, layer) =>
        Object.entries(known).map(([name, tensor]) => [`${LAYER}${layer}.${name}`, tensor] as const),
      ),
    ),
  };
}

/** The same as inputs of another graph. */
function sourceInputs(outputs: Record<string, Tensor>): Source {
  const inputs = Object.entries(outputs).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)] as const);
  const { "source.mask": mask, "source.pointerKeys": pointerKeys } = Object.fromEntries(inputs);
  if (mask === undefined) throw new RuntimeError(problem`decode: a source must have a mask, got none`);
  const layers: Record<string, Tensor>[] = [];
  for (const [name, tensor] of inputs) {
    if (!name.startsWith(LAYER)) continue;
    const [layer = "", ...rest] = name.slice(LAYER.length).split(".");
    layers[Number(layer)] = { ...layers[Number(layer)], [rest.join(".")]: tensor };
  }
  return { mask, layers, ...(pointerKeys && { pointerKeys }) };
}

async function runOnce(
  backend: Backend,
  outputs: Record<string, Tensor>,
  feeds: Record<string, Int32Array>,
): Promise<Record<string, NdArray>> {
  await using graph = await backend.compile({ outputs });
  return await graph.run(feedsFor(graph, feeds));
}
