/** The one interface behind which every attention stands. */
import type { NdArray } from "../graph/ndarray.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { createRandom, type ProjectionName, type Random, type RowLengths } from "../random/index.ts";
import type { Device } from "../runtime/backend.ts";
import type { FeatureMap, SequenceStatistics, Statistics } from "./feature-map.ts";
import type { WholeBlocks } from "./whole-blocks.ts";

/**
 * How a graph spreads attention over the sequence: `scan` walks it chunk by chunk, `parallel` holds all chunks in one
 * tensor (for WebGPU, whose Scan would silently run on the CPU), `fastest` is the one of both that is faster for the
 * length, where there are loops.
 */
export type ExecutionForm = "fastest" | "scan" | "parallel";

/** The form that a device runs best. */
export function formFor(device: Device): ExecutionForm {
  return device === "webgpu" ? "parallel" : "fastest";
}

export interface AttentionOptions {
  /** Token i sees tokens ≤ i. */
  readonly causal: boolean;
  /** `[B, S]` float32: 1 for a real key, 0 for padding. Default: all real. */
  readonly keyMask?: Tensor;
  /** `[B, L]` float32: as keyMask. Read only where statistics of the whole sequence are measured; default: all real. */
  readonly queryMask?: Tensor;
  /** `[M, D]`, or `[H, M, D]` for heads with their own: the random projection, for mechanisms that have one. */
  readonly projection?: Tensor;
  /** Frozen statistics, for mechanisms that otherwise measure the whole sequence; causal attention needs them there. */
  readonly statistics?: Statistics;
  /** The mechanism's own trained tensors, by the names of `AttentionMechanism.parameters`. */
  readonly parameters?: Readonly<Record<string, Tensor>>;
  /** Default `fastest`, which devices without loops must not be given. */
  readonly form?: ExecutionForm;
  /**
   * The sequence is whole blocks of so many positions, and the graph must have the same nodes for any number of them:
   * given to mechanisms with `wholeBlocks`, for graphs that serve all lengths. Default: the nodes that are fastest at
   * this length.
   */
  readonly blockLength?: number | undefined;
}

/**
 * A trained array before training: its shape, and the standard deviation of normal numbers or the constant that it
 * starts with.
 */
export interface InitialParameter {
  readonly shape: Shape;
  readonly init: { readonly std: number } | { readonly value: number };
}

/** How a projection differs from the one that the mechanism is meant for. */
export interface ProjectionChoice {
  /** Default: what the mechanism is meant for, orthogonal rows for most. `none` gives f(x) itself instead of f(ωx). */
  readonly kind?: ProjectionName | "none";
  /**
   * `chi`: each row as long as a Gaussian vector; `sqrt`: √headDim exactly. Default: what the mechanism is meant for,
   * chi for most.
   */
  readonly rowLengths?: RowLengths;
  /**
   * A projection of its own for every head, instead of one for all. Default false: as the paper's code does, and
   * faster.
   */
  readonly perHead?: boolean;
}

export interface ProjectionSizes {
  readonly headDim: number;
  readonly numFeatures: number;
  /** Needed for projections of their own only. Default 1. */
  readonly numHeads?: number;
}

/** The sizes that the shapes of a mechanism's own parameters depend on. */
export interface ParameterSizes {
  readonly numHeads: number;
  readonly headDim: number;
  /** The longest sequence of keys that the parameters must serve. */
  readonly maxSeqLen: number;
}

/** The intended use of a mechanism, as far as it is known before any graph is built. */
export interface MechanismUse {
  readonly causal: boolean;
  /** Queries of one sequence, keys of another. */
  readonly cross: boolean;
  /** The longest sequence. */
  readonly maxSeqLen: number;
  readonly numHeads: number;
  readonly headDim: number;
}

/** Why a mechanism cannot be used so: what must be, what came, and what to do instead; parts of one sentence. */
export interface Refusal {
  /** For example `window must be at most the longest sequence, 128`. */
  readonly rule: string;
  /** For example `256`. */
  readonly got: string;
  /** For example `make the window smaller, or use 'exact'`. */
  readonly fix: string;
}

/** The state of a mechanism that can go on token by token: named tensors, whose size never changes. */
export type AttentionState = Readonly<Record<string, Tensor>>;

export interface RecurrentForm {
  /**
   * The state before the first token: B sequences, H heads, D = headDim, E = width of a value, M = rows of the
   * projection.
   */
  readonly initialState: (sizes: {
    readonly B: number;
    readonly H: number;
    readonly D: number;
    readonly E: number;
    readonly M: number;
  }) => Readonly<Record<string, NdArray>>;
  /** The tensors of the state that gradients flow through; all others are scales that cancel. */
  readonly differentiable: readonly string[];
  /** One token: q, k `[B, H, 1, D]`, v `[B, H, 1, E]` → out `[B, H, 1, E]` and the next state. */
  readonly step: RecurrentStep;
  /**
   * Any number of tokens, L, in one go, on devices with loops (`scan`). Gradients flow through the states, so that a
   * long sequence can be trained part by part.
   */
  readonly extend: RecurrentStep;
  /**
   * One token at a time for decoding, with a state that is written only now and then. Its `sums` and `maximum` are
   * those of `extend`. Mechanisms without one decode by `step`.
   */
  readonly windowed?: WindowedForm;
  /** Mechanisms without one cannot be exported so that they read whole prompts. */
  readonly anyLength?: AnyLengthForm;
}

/**
 * Any number of tokens by the same nodes, one of them too, which is what a file for other programs needs: no loops, and
 * nothing that is unrolled. It may use ops that not every engine has, and hold L² scores of a part of L tokens, but no
 * features or values of all pairs. It has no gradient.
 */
export interface AnyLengthForm {
  /** The recurrent form's initial state; axes may be in another order. */
  readonly initialState: RecurrentForm["initialState"];
  readonly extend: RecurrentStep;
}

/** The state of a sequence. The leading axes are the caller's: sequences, heads. */
export interface WindowedState {
  /** S, `[…, E + 1, M]`. */
  readonly sums: Tensor;
  /** φ̂ of the waiting tokens, `[…, W, M]`; rows that hold no token are finite. */
  readonly keys: Tensor;
  /** v′ = [v, 1] of the waiting tokens, `[…, W, E + 1]`. */
  readonly values: Tensor;
  /** C and then c of the waiting tokens, `[…, 1, 1 + W]`: LOG_ZERO where there is none. */
  readonly logScales: Tensor;
}

/** A token's row of the window. */
export interface WindowRow {
  /** φ̂(k), `[B, H, 1, M]`. */
  readonly key: Tensor;
  /** v′, `[B, H, 1, E + 1]`. */
  readonly value: Tensor;
  /** c, `[B, H, 1, 1]`. */
  readonly logScale: Tensor;
}

/** The last tokens wait in a window beside the state; once it is full, `fold` adds them. */
export interface WindowedForm {
  /** Number of features for keys of width `headDim` with `rows` projection rows. */
  readonly featuresOf: (rows: number, headDim: number) => number;
  /**
   * @param queriesAndKeys `[B, 2H, 1, D]`: the queries of all heads, then their keys
   * @param value [v, 1] `[B, H, 1, E + 1]`
   * @returns out `[B, H, 1, E]`, and what the token leaves in the window
   */
  readonly attend: (
    queriesAndKeys: Tensor,
    value: Tensor,
    projection: Tensor | undefined,
    state: WindowedState,
  ) => { readonly out: Tensor; readonly row: WindowRow };
  /** The sums and their log scale `[…, 1, 1]` with all of the window in them. */
  readonly fold: (state: WindowedState) => { readonly sums: Tensor; readonly maximum: Tensor };
}

/** From the state behind what came before to the state behind these tokens. */
export type RecurrentStep = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  state: AttentionState,
  options: Pick<AttentionOptions, "projection" | "statistics">,
) => { readonly out: Tensor; readonly state: AttentionState };

/**
 * Attention to a sequence that is whole before the first query comes: that of a decoder to what its encoder has read.
 */
export interface SummarisedForm {
  /** All that queries need to know of keys `[B, H, S, D]` and values `[B, H, S, E]`. */
  readonly summarise: (
    k: Tensor,
    v: Tensor,
    options: Pick<AttentionOptions, "keyMask" | "projection" | "parameters" | "form">,
  ) => AttentionState;
  /** q `[B, H, L, D]` → `[B, H, L, E]`, the same as `apply` without causal. */
  readonly read: (
    q: Tensor,
    summary: AttentionState,
    options: Pick<AttentionOptions, "projection" | "parameters" | "form">,
  ) => Tensor;
}

export interface AttentionMechanism {
  readonly name: string;
  /** One sentence for tables and help texts. */
  readonly summary: string;
  /** Time and memory of attention in the length L, in the field's notation, e.g. `O(L·w)`. */
  readonly complexity?: string;
  /** The feature map, for mechanisms that have one. */
  readonly map?: FeatureMap;
  /**
   * Refuses an impossible use while a configuration is checked; undefined for others. Default: every use is possible.
   */
  readonly refuse?: (use: MechanismUse) => Refusal | undefined;
  /** Keys are the queries (Reformer): a model then has no weights for keys. Default false. */
  readonly sharesKeys?: boolean;
  /**
   * Queries and keys count by their products q·k alone, and of these only what differs among the keys of a query: A q
   * and A⁻ᵀ k − c attend as q and k do, for any invertible A and any c. Default false.
   */
  readonly basisFree?: boolean;
  /** Trained arrays of a layer beside queries, keys, values and output, by name. Default: none. */
  readonly parameters?: (sizes: ParameterSizes) => Readonly<Record<string, InitialParameter>>;
  /** Draws what the mechanism needs beside weights; undefined when it needs nothing. */
  readonly initialise: (
    random: Random,
    sizes: ProjectionSizes & { readonly projection?: ProjectionChoice },
  ) => { readonly projection: NdArray } | undefined;
  /**
   * The blocks that one graph for all lengths needs. Sequences are padded at their end to whole ones, whose length
   * `apply` is told by `AttentionOptions.blockLength`; every number of blocks then has the same nodes, and real
   * positions have the outputs that they have without padding. Default: there are no such blocks, because nodes or
   * outputs follow the length.
   */
  readonly wholeBlocks?: WholeBlocks;
  /**
   * The shape of the projection that `initialise` draws, or undefined where it draws none: sizes are then known without
   * drawing, which takes a time that grows with the cube of headDim. Default: one is drawn to see it.
   */
  readonly projectionShape?: (sizes: ProjectionSizes & { readonly projection?: ProjectionChoice }) => Shape | undefined;
  /** The statistics of the whole sequence that a mechanism needs, if any. Without frozen values it cannot be causal. */
  readonly statistics?: Omit<SequenceStatistics, "adapt">;
  /** q `[B, H, L, D]`, k `[B, H, S, D]`, v `[B, H, S, E]` → `[B, H, L, E]`; S = L when causal. */
  readonly apply: (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions) => Tensor;
  readonly recurrent?: RecurrentForm;
  /**
   * Keys and values summed up once, for queries that come later, as a decoder's do. Default: keys and values
   * themselves.
   */
  readonly summarised?: SummarisedForm;
  /** For mechanisms that choose among others: the one that `apply` takes at these sizes. */
  readonly choose?: (sizes: ChoiceSizes) => string;
}

/** The shape of a mechanism's projection, or undefined without one; drawn only where the mechanism does not say it. */
export function projectionShapeOf(
  mechanism: Pick<AttentionMechanism, "initialise" | "projectionShape">,
  sizes: ProjectionSizes & { readonly projection?: ProjectionChoice },
): Shape | undefined {
  if (mechanism.projectionShape !== undefined) return mechanism.projectionShape(sizes);
  return mechanism.initialise(createRandom(0, "projection-shape"), sizes)?.projection.shape;
}

/** The sizes that a choice among mechanisms depends on. */
export interface ChoiceSizes {
  readonly causal: boolean;
  readonly numKeys: number;
  /** Rows of the projection. */
  readonly numFeatures: number;
}
