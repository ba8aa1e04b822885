/** The common base of the ready models: create or load, train, evaluate, save. */
import { problem } from "../graph/errors.ts";
import { createBackend } from "#engine";
import {
  isEncoded,
  refuseUnknownKeys,
  requireList,
  requireText,
  requireTokens,
  written,
  type SequenceInput,
} from "./check-examples.ts";
import { embeddingOf, type ModelOrigin, type OpenSourceOptions } from "../convert/index.ts";
import { filesBeside } from "../convert/saved-model.ts";
import { proteinVocabulary, type PackingOptions, type Vocabulary } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { checkKind, fitKind, type KnownKinds, type NewHeadOptions } from "./model-kinds.ts";
import { embedSequences, type EmbedOptions, type SequenceEmbedding } from "../inference/index.ts";
import { openSavedModel, readTrained, type SavedModel } from "./open-saved-model.ts";
import { ownTokens, readingOf, requireTexts, vocabularyAround, type PretrainedReading } from "./pretrained-reading.ts";
import { checkNames } from "./saved-config.ts";
import {
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
import { createFolder, writeFileAtomically } from "../storage/files.ts";
import { encodeSafetensors } from "../storage/safetensors.ts";
import type { Batch, BatchSource } from "../data/batch.ts";
import {
  createEvaluator,
  initialState,
  stateFrom,
  train,
  trainingConfig,
  TrainingError,
  type EvaluationResult,
  type TrainingOptions,
  type TrainingProgress,
} from "../training/index.ts";

export type { SequenceInput } from "./check-examples.ts";
export type { ModelKind } from "./model-kinds.ts";

/** Model options without the vocabulary's size, which the vocabulary knows. */
export type CreateOptions = Omit<ModelOptions, "vocabSize" | "padId"> & {
  /** Decides weights and projections. Default 0. */
  readonly seed?: number;
  /** Default: proteins, the 20 standard residues and B O U X Z. */
  readonly vocabulary?: Vocabulary;
  /**
   * Names of the classes of labels, in the order of their numbers; saved with the model. `numLabels` follows from them.
   */
  readonly classNames?: readonly string[];
  /** Default: the platform's own. */
  readonly backend?: Backend;
};

export interface LoadOptions extends NewHeadOptions, OpenSourceOptions {
  /** Default: the one that the model was saved with; proteins where there is none. */
  readonly vocabulary?: Vocabulary;
  /**
   * Names of the classes of labels, in place of those that were saved. With a new output layer, `numLabels` follows
   * from them.
   */
  readonly classNames?: readonly string[];
  /** Where graphs run. Default: the platform's own. */
  readonly backend?: Backend;
  /**
   * How weights are stored while the model generates and evaluates; training and saving keep float32. Default float32.
   * The names of transformers.js, fp32, fp16 and q8, mean float32, float16 and int8.
   */
  readonly dtype?: WeightDtype | "fp32" | "fp16" | "q8";
}

/** Training options, and what happens on the way. `seed` defaults to the model's. */
export type FitOptions<Example = SequenceInput> = TrainingOptions & {
  /** Evaluated every `evalInterval` steps. */
  readonly validation?: readonly Example[];
  /** Ends the work in order after the step in progress. Default: nothing does. */
  readonly signal?: AbortSignal;
  /** Called after each step. Default: not called. */
  readonly onStep?: (progress: TrainingProgress) => void;
  /** Called after each evaluation of the validation data. Default: not called. */
  readonly onEvaluation?: (step: number, result: EvaluationResult) => void;
};

/** The files of a saved model. */
export interface ModelFiles {
  /** config.json. */
  readonly config: string;
  /** model.safetensors. */
  readonly model: Uint8Array;
  /** Other files of a pretrained model, by path, such as its tokenizer's. */
  readonly others?: Readonly<Record<string, Uint8Array | string>>;
}

/** The parts of a ready model; `create` and `from_pretrained` assemble them. */
export interface ModelState extends Pick<LoadOptions, "vocabulary" | "classNames" | "backend" | "dtype"> {
  readonly config: ModelConfig;
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly seed: number;
  /** How a pretrained model reads texts. Default: by the vocabulary alone. */
  readonly pretrained?: PretrainedReading;
}

/** A class of ready models. */
export interface ModelClass<Model> extends KnownKinds {
  new (state: ModelState): Model;
}

/** How batches are packed, and the vocabulary that they are written in. */
export type BatchPlan = Required<PackingOptions> & { readonly vocabulary: Vocabulary };

/** @typeParam Example what it is trained on and evaluated with */
export abstract class PerformerModel<Example> implements AsyncDisposable {
  readonly config: ModelConfig;
  readonly vocabulary: Vocabulary;
  /** Names of the classes of labels, in the order of their numbers; empty where none were given. */
  readonly classNames: readonly string[];
  protected readonly backend: Backend;
  protected readonly dtype: WeightDtype;
  readonly #seed: number;
  readonly #pretrained: PretrainedReading | undefined;
  #tensors: Readonly<Record<string, NdArray>>;
  #isTraining = false;

  /** @param state what `create` or `from_pretrained` has made */
  constructor(state: ModelState) {
    checkState(new.target.name, state);
    const { config, tensors, seed, vocabulary, classNames = [], pretrained, backend, dtype } = state;
    this.config = config;
    this.vocabulary = vocabulary ?? proteinVocabulary;
    checkClassNames(new.target.name, classNames, config);
    this.classNames = classNames;
    this.#pretrained = pretrained;
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
    { seed = 0, vocabulary = proteinVocabulary, classNames, backend, ...options }: CreateOptions = {},
  ): Model {
    const [kind] = this.kinds;
    const labels = classNames && { numLabels: classNames.length };
    const config = modelConfig({ ...kind, ...labels, ...options, vocabSize: vocabulary.size, padId: vocabulary.padId });
    checkKind(this, config, "create");
    const { model: tensors } = initialState(config, seed);
    return new this({
      config,
      tensors,
      seed,
      vocabulary,
      ...(classNames && { classNames }),
      ...(backend && { backend }),
    });
  }

  /**
   * A saved model, from the texts and bytes of its files; of one that began as a pretrained one `from_pretrained` takes
   * them, by path.
   *
   * @throws ConfigError or StorageError when they are damaged or do not belong together
   */
  static fromFiles<Model>(this: ModelClass<Model>, files: ModelFiles, options: LoadOptions = {}): Model {
    return new this(stateOf(this, readTrained(files.config, files.model), options));
  }

  /**
   * Loads a model: a run of `performer train`, what `save_pretrained` wrote, a folder of Hugging Face's library (BERT,
   * RoBERTa, DistilBERT, ESM-2, GPT-2), or one that was converted. Pretrained models read texts by their own tokenizer.
   *
   * Like in Hugging Face's library, a class with labels takes models of other kinds too: with `numLabels`, or `head:
   * "regression"`, it puts a new output layer on their body, and calls `onNotice` with what was drawn anew. Train the
   * model before you use it.
   *
   * @param from a folder's path, a name on the hub (owner/name), the address of a folder (https://…/), or files: by
   *   their paths, or as a page was given them
   * @throws StorageError or ConfigError naming the file and what is wrong with it, or the class that takes such a model
   *
   * @example const model = await PerformerForMaskedLM.from_pretrained("facebook/esm2_t6_8M_UR50D");
   */
  static async from_pretrained<Model>(
    this: ModelClass<Model>,
    from: ModelOrigin,
    options: LoadOptions = {},
  ): Promise<Model> {
    const saved = await openSavedModel(from, options);
    const state = stateOf(this, saved, options);
    const { pretrained, source } = saved;
    if (pretrained === undefined) return new this(state);
    return new this({ ...state, pretrained: await readingOf(pretrained, source) });
  }

  /** The files of a saved model, for wherever there is no file system. */
  toFiles(): ModelFiles {
    const tensors = this.#tensors;
    const naming = {
      architectures: [classNameOf(this)],
      training: { seed: this.#seed },
      ...(this.classNames.length > 0 && { classNames: this.classNames }),
    };
    if (this.#pretrained !== undefined) {
      const { companions } = this.#pretrained;
      const all = filesBeside(companions, { ...this.#pretrained, config: this.config, tensors }, naming);
      const { "config.json": config, "model.safetensors": model, ...others } = all;
      return { config, model, others };
    }
    const config = { model_type: "performer", ...naming, model: this.config, vocabulary: this.vocabulary.toJSON() };
    return {
      config: `${JSON.stringify(config, null, 2)}\n`,
      model: encodeSafetensors(tensors, { format: "pt" }),
    };
  }

  /**
   * Writes config.json and model.safetensors, and beside them the tokenizer of a pretrained model. Each file is
   * complete or absent, never half.
   */
  async save_pretrained(folder: string): Promise<void> {
    const { config, model, others = {} } = this.toFiles();
    await createFolder(folder);
    for (const [path, content] of Object.entries(others)) {
      const [, inside] = /^(.+)\/[^/]+$/.exec(path) ?? [];
      if (inside !== undefined) await createFolder(`${folder}/${inside}`);
      await writeFileAtomically(`${folder}/${path}`, content);
    }
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
   * Trains on examples, from the present weights. The model keeps these until training ends, so it can be used and
   * saved meanwhile; where training fails, it keeps them altogether.
   *
   * @param options `signal` ends training after the step in progress, and the model takes the weights of that step
   * @throws DataError for parts outside the vocabulary; ConfigError for options; TrainingError when the loss diverges,
   *   and while another `train` of this model runs; whatever `onStep` or `onEvaluation` throws
   */
  async train(examples: readonly Example[], options: FitOptions<Example> = {}): Promise<TrainingProgress | undefined> {
    if (this.#isTraining) {
      throw new TrainingError(
        problem`train: a model must be trained by one call at a time, got a second one while the first runs; await the
        first, or train another model`,
        { code: "ERR_BUSY" },
      );
    }
    this.#isTraining = true;
    try {
      return await this.#fit(examples, options);
    } finally {
      this.#isTraining = false;
    }
  }

  async #fit(
    examples: readonly Example[],
    { validation, signal, onStep, onEvaluation, ...rest }: FitOptions<Example>,
  ): Promise<TrainingProgress | undefined> {
    // The features of a converted model were chosen for its weights.
    const kept = this.#pretrained && { redrawInterval: 0 };
    const training = trainingConfig({ seed: this.#seed, ...kept, ...rest });
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

  /**
   * Frees what the model keeps between calls: the compiled graphs of a language model's decoder. A model that is used
   * again makes them anew.
   *
   * @example await using model = PerformerForCausalLM.create({ numLayers: 2 });
   */
  async [Symbol.asyncDispose](): Promise<void> {
    // Most kinds keep nothing.
  }

  /** Measures how well the examples are predicted. */
  async evaluate(examples: readonly Example[]): Promise<EvaluationResult> {
    const { config, dtype } = this;
    // Float32 weights are inputs, so that they are not stored once for each shape of batch.
    const backend = dtype === "float32" ? this.backend : withWeights(this.backend, { constants: this.#tensors, dtype });
    await using evaluator = createEvaluator(config, backend);
    const batches = this.evaluationBatches(examples, this.#plan(4096, 64), this.#seed);
    return await evaluator.evaluate(this.#tensors, batches); // awaited here, so that the graphs live until it is done
  }

  /**
   * What the model makes of sequences: the states of its last layer behind the final norm, without its head.
   *
   * @param options `pooling`: `mean` over the tokens (default), `cls` (encoders), `last` (decoders), or `residues`, a
   *   vector a token; `normalize`: divide each vector by its length (default false). The defaults of a pretrained model
   *   are its folder's; of texts that it cannot read whole it reads the beginning, as `embedTexts` does
   * @returns for each sequence `[modelDim]`, with pooling `residues` `[tokens, modelDim]`
   * @throws DataError for parts outside the vocabulary and empty sequences; ConfigError for a pooling that says nothing
   *   in this kind of model, and for encoder–decoders
   */
  async embed(
    sequences: readonly string[],
    options: Pick<EmbedOptions, "pooling" | "normalize"> = {},
  ): Promise<readonly SequenceEmbedding["embedding"][]> {
    refuseUnknownKeys("embed", options, ["pooling", "normalize"]);
    const { config, tensors, vocabulary, backend, dtype } = this;
    const read = this.#pretrained;
    const model = { config, tensors, vocabulary, backend, dtype };
    const asSaved = read && {
      pooling: read.pooling,
      normalize: read.normalize,
      ...embeddingOf({ ...model, reads: read.reads }),
    };
    const encoded = this.encode(sequences, "embed", "sequence", read && ((text, id) => read.encode(text, id).tokenIds));
    const found: SequenceEmbedding["embedding"][] = [];
    for await (const { embedding } of embedSequences({ ...model, ...asSaved, ...options, sequences: encoded })) {
      found.push(embedding);
    }
    return found;
  }

  /**
   * Sequences as their tokens without special ones, with a name for messages.
   *
   * @param what a sequence is called
   * @param read the tokens of one; default `tokensOf`
   */
  protected encode(
    sequences: readonly SequenceInput[],
    who = classNameOf(this),
    what = "sequence",
    read = (sequence: string, id: string) => this.tokensOf(sequence, id),
  ) {
    requireList(who, `${what}s`, sequences, '["MKV", …]');
    return sequences.map((sequence, index) => {
      const id = `${what} ${index + 1}`;
      if (isEncoded(sequence)) {
        const { tokenIds } = sequence;
        requireTokens(who, id, tokenIds, this.vocabulary);
        return { id, tokenIds };
      }
      requireText(who, id, sequence);
      return { id, tokenIds: read(sequence, id) };
    });
  }

  /** A predicted class with its name, where the model has names of classes. */
  protected named<Prediction extends { readonly label: number }>(
    prediction: Prediction,
  ): Prediction & { readonly className?: string } {
    const className = this.classNames[prediction.label];
    return className === undefined ? prediction : { ...prediction, className };
  }

  /** A sequence's tokens without special ones. */
  protected tokensOf(sequence: string, id: string): Int32Array {
    if (this.#pretrained === undefined) return this.vocabulary.encode(sequence, { recordId: id });
    return ownTokens(this.#pretrained, sequence, id);
  }

  /** Whether texts are read by the tokenizer of a pretrained model. */
  protected get isPretrained(): boolean {
    return this.#pretrained !== undefined;
  }

  /** Tokens that training reads of a sequence, and predictions of one, special ones included. */
  protected get longest(): number {
    return Math.min(this.config.maxSeqLen, this.#pretrained?.longest ?? Number.POSITIVE_INFINITY);
  }

  #plan(tokensPerBatch: number, bucketStep: number): BatchPlan {
    return { tokensPerBatch, bucketStep, maxSeqLen: this.longest, vocabulary: this.vocabulary };
  }
}

/** A saved model as a class takes it. */
function stateOf(
  its: KnownKinds,
  saved: Omit<SavedModel, "name" | "source">,
  options: LoadOptions,
): Omit<ModelState, "pretrained"> {
  const { pretrained, seed } = saved;
  const { backend, dtype } = options;
  const who = its.architectureName;
  if (pretrained !== undefined) requireTexts(who, pretrained);
  if (pretrained !== undefined && options.vocabulary !== undefined) {
    throw new ConfigError(
      problem`from_pretrained: vocabulary must come with a model that was trained here, got ${pretrained.name}, which
      has its own tokenizer; leave it out`,
    );
  }
  const isNamed = options.classNames !== undefined && its.kinds.some(hasClasses) && options.head !== "regression";
  const numLabels = options.numLabels ?? (isNamed ? options.classNames.length : undefined);
  const { config, tensors } = fitKind(its, saved, { ...options, ...(numLabels !== undefined && { numLabels }) }, seed);
  const vocabulary = options.vocabulary ?? (pretrained ? vocabularyAround(who, pretrained, config) : saved.vocabulary);
  checkVocabulary(config, vocabulary, "from_pretrained");
  // The names are those of an output layer.
  const classNames = options.classNames ?? (tensors === saved.tensors ? saved.classNames : []);
  return { config, tensors, seed, vocabulary, classNames, ...(backend && { backend }), ...(dtype && { dtype }) };
}

/** @throws ConfigError for names of classes that the model does not have, or that are too few */
function checkClassNames(who: string, names: readonly string[], config: ModelConfig): void {
  checkNames(`${who}: classNames`, names);
  if (names.length === 0) return;
  const isNamed = hasClasses(config);
  if (isNamed && names.length === config.numLabels) return;
  const rule = isNamed ? `one for each of ${config.numLabels ?? 0} classes` : `left out with head '${config.head}'`;
  const fix = isNamed ? "give as many names as classes" : "leave them out";
  throw new ConfigError(problem`${who}: classNames must be ${rule}, got ${names.length}; ${fix}`);
}

function hasClasses({ head }: Pick<ModelConfig, "head">): boolean {
  return head === "sequence-classification" || head === "token-classification";
}

function classNameOf(model: object): string {
  const { architectureName } = model.constructor as ModelClass<unknown>; // every subclass has it
  return architectureName;
}

/** For callers without types who write `new`. */
function checkState(who: string, state: unknown): void {
  if (typeof state === "object" && state !== null && "config" in state && "tensors" in state) return;
  throw new ConfigError(
    problem`${who}: a model must be made from a configuration and weights, got ${written(state)}; use ${who}.create({ …
    }), or ${who}.from_pretrained(folder)`,
  );
}
