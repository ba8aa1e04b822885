/** How much attention amino acids give each other, summed over many sequences, for every layer and head. */
import { DataError } from "../data/errors.ts";
import type { EncodedSequence } from "../data/datasets.ts";
import { standardResidues } from "../data/vocabularies/letters.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { chosenNumbers } from "../model/chosen-numbers.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { logits } from "../model/performer.ts";
import { outputStack } from "../model/stacks.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { expand } from "../ops/reduce.ts";
import type { Backend } from "../runtime/backend.ts";
import { checkObservable } from "./observe.ts";
import { oneHotTypes, RESIDUE_TYPES, residueTypes } from "./residue-types.ts";
import { runSequences } from "./sequence-runs.ts";

const COUNT = RESIDUE_TYPES;

export interface ResidueAttentionOptions {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** A vocabulary of proteins. */
  readonly vocabulary: Vocabulary;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** Read once, streamed. */
  readonly sequences: AsyncIterable<EncodedSequence> | Iterable<EncodedSequence>;
  /** Counted from 0. Default: all. */
  readonly layers?: readonly number[];
  /** Counted from 0. Default: all. */
  readonly heads?: readonly number[];
  /** Called after every batch with the tokens done so far. */
  readonly onProgress?: (tokens: number) => void;
}

export interface ResidueAttention {
  /** Which head each of the sums is of. */
  readonly maps: readonly { readonly layer: number; readonly head: number }[];
  /** `[maps, 20, 20]`: Σ of the weights that residues of a type (row) give to residues of a type (column). */
  readonly sums: Float64Array;
  /** `[20, 20]`: the same sum if every residue attended alike to all residues that it may see. */
  readonly uniform: Float64Array;
  readonly sequences: number;
  /** Standard residues in all of them. */
  readonly residues: number;
}

/**
 * Σ over queries i of type a and keys j of type b of A_ij, for every head, over a set of sequences. Special tokens and
 * letters other than the 20 standard ones count neither as queries nor as keys.
 *
 * No attention matrix is formed: the types of the residues, one-hot, are sent through the attention as its values, so
 * that linear attention stays linear here.
 *
 * @throws ConfigError for encoder–decoders, and for layers and heads that are not there
 * @throws DataError without any residue, and for sequences as `runSequences` does
 */
export async function residueAttention(options: ResidueAttentionOptions): Promise<ResidueAttention> {
  const { config, tensors, vocabulary } = options;
  checkObservable("residueAttention", config, tensors);
  const layers = chosenNumbers("residueAttention", "layers", options.layers, config.numLayers);
  const heads = chosenNumbers("residueAttention", "heads", options.heads, config.numHeads);
  const { causal } = outputStack(config);
  const types = residueTypes("residueAttention", vocabulary, config.vocabSize);
  const maps = layers.flatMap((layer) => heads.map((head) => ({ layer, head })));
  const sums = new Float64Array(maps.length * COUNT * COUNT);
  const uniform = new Float64Array(COUNT * COUNT);
  let [sequences, residues] = [0, 0];
  const runs = runSequences({
    ...options,
    wrap: causal ? "causal" : "wrapped",
    build: ({ model, tokenIds, form }) => {
      const outputs: Record<string, Tensor> = {};
      const [B = 1, L = 1] = tokenIds.shape;
      const ofTokens = reshape(oneHotTypes(tokenIds, types), [B, 1, L, COUNT]);
      logits(model, tokenIds, {
        form,
        observe: (layer, { attend }) => {
          if (layers.includes(layer)) outputs[`${layer}`] = byType(ofTokens, attend, config.numHeads);
        },
      });
      return outputs;
    },
    read: (outputs, row, { tokenIds }) => {
      maps.forEach(({ layer, head }, map) => {
        const data = outputs[`${layer}`]?.data ?? [];
        const start = (row * config.numHeads + head) * COUNT * COUNT;
        for (let pair = 0; pair < COUNT * COUNT; pair++) {
          const index = map * COUNT * COUNT + pair;
          sums[index] = (sums[index] ?? 0) + Number(data[start + pair]);
        }
      });
      sequences += 1;
      residues += addUniform(
        uniform,
        Array.from(tokenIds, (id) => types[id] ?? -1),
        causal,
      );
    },
  });
  for await (const _ of runs);
  if (residues > 0) return { maps, sums, uniform, sequences, residues };
  throw new DataError({
    who: "residueAttention",
    rule: `the sequences must hold at least one of the residues ${standardResidues}`,
    got: sequences === 0 ? "no sequence" : `${sequences} sequences without any`,
    fix: "give some proteins",
  });
}

/** Tᵀ A T of every sequence and head, `[B, H, 20, 20]`. */
function byType(types: Tensor, attend: (values: Tensor) => Tensor, numHeads: number): Tensor {
  const [B = 1, , L = 1] = types.shape;
  const everywhere = expand(types, [B, numHeads, L, COUNT]);
  return matmul(everywhere, attend(everywhere), { transposeA: true });
}

/** Adds what a sequence would give under uniform attention among its residues. @returns its residues */
function addUniform(uniform: Float64Array, types: readonly number[], causal: boolean): number {
  const seen = new Float64Array(COUNT);
  let visible = 0;
  const see = (type: number) => {
    seen[type] = (seen[type] ?? 0) + 1;
    visible += 1;
  };
  const residues = types.filter((type) => type >= 0);
  if (!causal) residues.forEach(see);
  for (const query of residues) {
    if (causal) see(query);
    for (let key = 0; key < COUNT; key++) {
      const index = query * COUNT + key;
      uniform[index] = (uniform[index] ?? 0) + (seen[key] ?? 0) / visible;
    }
  }
  return residues.length;
}
