/** What all ready models have in common: create or load, train, evaluate, save. */
import { createBackend } from "#engine";
import { refuseUnknownKeys, requireList, requireText, written } from "./check-examples.ts";
import { proteinVocabulary, vocabularyFrom, type PackingOptions, type Vocabulary } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { checkKind, fitKind, type KnownKinds, type NewHeadOptions } from "./model-kinds.ts";
import { embedSequences, type EmbedOptions, type SequenceEmbedding } from "../inference/index.ts";
import {
  checkTensors,
  checkVocabulary,
  ConfigError,
  countParameters,
  modelConfig,
  type ModelConfig,
  type ModelOptions,
  type Named,
} from "../model/index.ts";
import type { WeightDtype } from "../onnx/weight-dtype.ts";
import type { Backend } from "../runtime/backend.ts";
import { weightDtype, withWeights } from "../runtime/weights.ts";
import { createFolder, readFileOrExplain, readTextOrExplain, writeFileAtomically } from "../storage/files.ts";
import { parseJson } from "../storage/json.ts";
import { decodeSafetensors, encodeSafetensors } from "../storage/safetensors.ts";
import type { Batch, BatchSource } from "../data/batch.ts";
import {
  createEvaluator,
  initialState,
  stateFrom,
  train,
  trainingConfig,
  type EvaluationResult,
  type TrainingOptions,
  type TrainingProgress,
} from "../training/index.ts";

export type { ModelKind } from "./model-kinds.ts";

/** Model options without the vocabulary's size, which the vocabulary knows. */
export type CreateOptions = Omit<ModelOptions, "vocabSize" | "padId"> & {
  /** Decides weights and projections. Default 0. */
  readonly seed?: number;
  /** Default: proteins, the 20 standard residues and B O U X Z. */
  readonly vocabulary?: Vocabulary;
  /** Default: the platform's own. */
  readonly backend?: Backend;
};

export interface LoadOptions extends NewHeadOptions {
  /** Default: the one that config.json describes, as that of a run does; proteins where it describes none. */
  readonly vocabulary?: Vocabulary;
  readonly backend?: Backend;
  /**
   * How weights are stored while the model generates and evaluates; training and saving keep float32. Default float32. The names of
   * transformers.js, fp32, fp16 and q8, mean float32, float16 and int8.
   */
  readonly dtype?: WeightDtype | "fp32" | "fp16" | "q8";
}

/** Training options, and what happens on the way. `seed` defaults to the model's. */
export type FitOptions<Example = string> = TrainingOptions & {
  /** Evaluated every `evalInterval` steps. */
  readonly validation?: readonly Example[];
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: TrainingProgress) => void;
  readonly onEvaluation?: (step: number, result: EvaluationResult) => void;
};

/** The files of a saved model. */
export interface ModelFiles {
  readonly config: string;
  readonly model: Uint8Array;
}

/** What a ready model is made of; `create` and `from_pretrained` make it. */
export interface ModelState extends Pick<LoadOptions, "vocabulary" | "backend" | "dtype"> {
  readonly config: ModelConfig;
  readonly tensors: Record<string, NdArray>;
  readonly seed: number;
}

/** A class of ready models. */
export interface ModelClass<Model> extends KnownKinds {
  new (state: ModelState): Model;
}

/** How batches are packed, and the vocabulary that they are written in. */
export type BatchPlan = Required<PackingOptions> & { readonly vocabulary: Vocabulary };

/** @typeParam Example what it is trained on and evaluated with */
export abstract class PerformerModel<Example> {
  readonly config: ModelConfig;
  readonly vocabulary: Vocabulary;
  protected readonly backend: Backend;
  protected readonly dtype: WeightDtype;
  readonly #seed: number;
  #tensors: Record<string, NdArray>;

  /** @param state what `create` or `from_pretrained` has made */
  constructor(state: ModelState) {
    checkState(new.target.name, state);
    const { config, tensors, seed, vocabulary, backend, dtype } = state;
    this.config = config;
    this.vocabulary = vocabulary ?? proteinVocabulary;
    this.backend = backend ?? createBackend();
    this.dtype = weightDtype(dtype ?? "float32");
    this.#seed = seed;
    this.#tensors = tensors;
  }

  /**
   * A model with fresh weights.
   *
   * @throws ConfigError naming the option, the rule, what came, and the way out
   */
  static create<Model>(
    this: ModelClass<Model>,
    { seed = 0, vocabulary = proteinVocabulary, backend, ...options }: CreateOptions = {},
  ): Model {
    const [kind] = this.kinds;
    const config = modelConfig({ ...kind, ...options, vocabSize: vocabulary.size, padId: vocabulary.padId });
    checkKind(this, config, "create");
    const { model: tensors } = initialState(config, seed);
    return new this({ config, tensors, seed, vocabulary, ...(backend && { backend }) });
  }

  /**
   * A saved model, from the texts and bytes of its files. In Node, `from_pretrained` reads them from a folder.
   *
   * @throws ConfigError or StorageError when they are damaged or do not belong together
   */
  static fromFiles<Model>(this: ModelClass<Model>, files: ModelFiles, options: LoadOptions = {}): Model {
    const { model, seed, description } = parseSavedConfig(files.config);
    const saved = modelConfig(model);
    // Before megabytes are decoded.
    if (options.numLabels === undefined && options.head === undefined) checkKind(this, saved, "from_pretrained");
    const decoded = decodeSafetensors(files.model, { name: "model.safetensors" });
    checkTensors(saved, decoded.tensors, "model.safetensors");
    const { config, tensors } = fitKind(this, { config: saved, tensors: decoded.tensors }, options, seed);
    const vocabulary =
      options.vocabulary ?? (description === undefined ? proteinVocabulary : vocabularyFrom(description));
    checkVocabulary(config, vocabulary, "from_pretrained");
    const { backend, dtype } = options;
    return new this({ vocabulary, config, tensors, seed, ...(backend && { backend }), ...(dtype && { dtype }) });
  }

  /**
   * Loads a folder with config.json and model.safetensors: a run of `performer train`, or what `save_pretrained` wrote.
   *
   * As in Hugging Face's library, a class with labels takes models of other kinds too: with `numLabels`, or `head: "regression"`, it
   * puts a new output layer on their body, and `onNotice` is told what was drawn anew. Train it before you use it.
   *
   * @throws StorageError or ConfigError naming the file and what is wrong with it
   */
  static async from_pretrained<Model>(
    this: ModelClass<Model> & { readonly fromFiles: typeof PerformerModel.fromFiles },
    folder: string,
    options: LoadOptions = {},
  ): Promise<Model> {
    const config = await readTextOrExplain(`${folder}/config.json`);
    const model = await readFileOrExplain(`${folder}/model.safetensors`);
    return this.fromFiles({ config, model }, options);
  }

  /** The files of a saved model, for wherever there is no file system. */
  toFiles(): ModelFiles {
    const config = {
      model_type: "performer",
      architectures: [classNameOf(this)],
      model: this.config,
      training: { seed: this.#seed },
      vocabulary: this.vocabulary.toJSON(),
    };
    return {
      config: `${JSON.stringify(config, null, 2)}\n`,
      model: encodeSafetensors(this.#tensors, { format: "pt" }),
    };
  }

  /** Writes config.json and model.safetensors. Each file is complete or absent, never half. */
  async save_pretrained(folder: string): Promise<void> {
    const { config, model } = this.toFiles();
    await createFolder(folder);
    await writeFileAtomically(`${folder}/model.safetensors`, model);
    await writeFileAtomically(`${folder}/config.json`, config);
  }

  /** Weights and projections by the names that they are saved under. */
  get tensors(): Named<NdArray> {
    return this.#tensors;
  }

  get numParameters(): number {
    return countParameters(this.config);
  }

  /** Batches of training. */
  protected abstract trainingBatches(examples: readonly Example[], plan: BatchPlan, seed: number): BatchSource;

  /** Batches that hold every example once. */
  protected abstract evaluationBatches(examples: readonly Example[], plan: BatchPlan, seed: number): readonly Batch[];

  /**
   * Trains on examples, from the present weights.
   *
   * @throws DataError for parts outside the vocabulary; ConfigError for options; TrainingError when the loss diverges
   */
  async train(examples: readonly Example[], options: FitOptions<Example> = {}): Promise<TrainingProgress | undefined> {
    const { validation, signal, onStep, onEvaluation, ...rest } = options;
    const training = trainingConfig({ seed: this.#seed, ...rest });
    const plan = this.#plan(training.tokensPerBatch, training.bucketStep);
    let last: TrainingProgress | undefined;
    const { state } = await train({
      config: this.config,
      training,
      backend: this.backend,
      batches: this.trainingBatches(examples, plan, training.seed),
      initial: stateFrom(this.config, this.#tensors, training.freeze),
      ...(validation && { validation: this.evaluationBatches(validation, plan, training.seed) }),
      ...(signal && { signal }),
      ...(onEvaluation && { onEvaluation }),
      onStep: (progress) => {
        last = progress;
        onStep?.(progress);
      },
    });
    this.#tensors = state.model;
    return last;
  }

  /** How well the examples are predicted. */
  async evaluate(examples: readonly Example[]): Promise<EvaluationResult> {
    const { config, dtype } = this;
    // As inputs, float32 weights need not be stored once for each shape of batch.
    const backend = dtype === "float32" ? this.backend : withWeights(this.backend, { constants: this.#tensors, dtype });
    await using evaluator = createEvaluator(config, backend);
    const batches = this.evaluationBatches(examples, this.#plan(4096, 64), this.#seed);
    return await evaluator.evaluate(this.#tensors, batches); // awaited here, so that the graphs live until it is done
  }

  /**
   * What the model makes of sequences: the states of its last layer behind the final norm, without its head.
   *
   * @param options `pooling`: `mean` over the tokens (default), `cls` (encoders), `last` (decoders), or `residues`, a vector a token;
   *   `normalize`: divide each vector by its length (default false)
   * @returns for each sequence `[modelDim]`, with pooling `residues` `[tokens, modelDim]`
   * @throws DataError for parts outside the vocabulary and empty sequences; ConfigError for a pooling that says nothing in this kind of
   *   model, and for encoder–decoders
   */
  async embed(
    sequences: readonly string[],
    options: Pick<EmbedOptions, "pooling" | "normalize"> = {},
  ): Promise<readonly SequenceEmbedding["embedding"][]> {
    refuseUnknownKeys("embed", options, ["pooling", "normalize"]);
    const { config, tensors, vocabulary, backend, dtype } = this;
    const given = { sequences: this.encode(sequences, "embed"), ...options };
    const found: SequenceEmbedding["embedding"][] = [];
    for await (const { embedding } of embedSequences({ config, tensors, vocabulary, backend, dtype, ...given })) {
      found.push(embedding);
    }
    return found;
  }

  /**
   * Sequences as their tokens, with a name for messages.
   *
   * @param what a sequence is called
   */
  protected encode(sequences: readonly string[], who = classNameOf(this), what = "sequence") {
    requireList(who, `${what}s`, sequences, '["MKV", …]');
    return sequences.map((sequence, index) => {
      const id = `${what} ${index + 1}`;
      requireText(who, id, sequence);
      return { id, tokenIds: this.vocabulary.encode(sequence, { recordId: id }) };
    });
  }

  #plan(tokensPerBatch: number, bucketStep: number): BatchPlan {
    return { tokensPerBatch, bucketStep, maxSeqLen: this.config.maxSeqLen, vocabulary: this.vocabulary };
  }
}

function classNameOf(model: object): string {
  const { architectureName } = model.constructor as ModelClass<unknown>; // every subclass has it
  return architectureName;
}

/** For callers without types who write `new`. */
function checkState(who: string, state: unknown): void {
  if (typeof state === "object" && state !== null && "config" in state && "tensors" in state) return;
  throw new ConfigError(
    `${who}: a model must be made from a configuration and weights, got ${written(state)}; ` +
      `use ${who}.create({ … }), or ${who}.from_pretrained(folder)`,
  );
}

/** config.json of a run or of a saved model. */
function parseSavedConfig(text: string): {
  readonly model: ModelOptions;
  readonly seed: number;
  /** Of the vocabulary; files from before vocabularies were saved have none. */
  readonly description: unknown;
} {
  const value = parseJson(text, "config.json");
  const part = (from: unknown, name: string): unknown =>
    typeof from === "object" && from !== null ? Reflect.get(from, name) : undefined;
  const model = part(value, "model");
  if (typeof model !== "object" || model === null || Array.isArray(model)) {
    throw new ConfigError(
      `config.json: 'model' must be an object with the model's sizes, got ${JSON.stringify(model) ?? "nothing"}; ` +
        "use a config.json that `performer train` or save_pretrained wrote",
    );
  }
  const seed = part(part(value, "training"), "seed");
  const description = part(value, "vocabulary");
  // modelConfig checks every key of the model.
  return { model: model as ModelOptions, seed: typeof seed === "number" ? seed : 0, description };
}
