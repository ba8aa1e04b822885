/** The ready model: create or load, train on your sequences, evaluate, generate, save. */
import { createBackend } from "#engine";
import { planEvaluation, planTraining, proteinVocabulary, type Vocabulary } from "./data/index.ts";
import type { NdArray } from "./graph/ndarray.ts";
import { nearestName } from "./graph/nearest-name.ts";
import { generate, type GeneratedSequence } from "./inference/index.ts";
import {
  checkTensors,
  checkVocabulary,
  ConfigError,
  countParameters,
  modelConfig,
  type ModelConfig,
  type ModelOptions,
  type Named,
} from "./model/index.ts";
import type { WeightDtype } from "./onnx/weight-dtype.ts";
import type { Backend } from "./runtime/backend.ts";
import { weightDtype, withWeights } from "./runtime/weights.ts";
import { parseJson } from "./storage/json.ts";
import { decodeSafetensors, encodeSafetensors } from "./storage/safetensors.ts";
import {
  createEvaluator,
  initialState,
  train,
  trainingConfig,
  type EvaluationResult,
  type TrainingOptions,
  type TrainingProgress,
} from "./training/index.ts";

/** Model options without the vocabulary's size, which the vocabulary knows. */
export type CreateOptions = Omit<ModelOptions, "vocabSize"> & {
  /** Decides weights and projections. Default 0. */
  readonly seed?: number;
  /** Default: proteins, the 20 standard residues and B O U X Z. */
  readonly vocabulary?: Vocabulary;
  /** Default: the platform's own. */
  readonly backend?: Backend;
};

export interface LoadOptions {
  readonly vocabulary?: Vocabulary;
  readonly backend?: Backend;
  /**
   * How weights are stored while the model generates and evaluates; training and saving keep float32. Default float32. The names of
   * transformers.js, fp32, fp16 and q8, mean float32, float16 and int8.
   */
  readonly dtype?: WeightDtype | "fp32" | "fp16" | "q8";
}

/** Training options, and what happens on the way. `seed` defaults to the model's. */
export type FitOptions = TrainingOptions & {
  /** Evaluated every `evalInterval` steps. */
  readonly validation?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: TrainingProgress) => void;
  readonly onEvaluation?: (step: number, result: EvaluationResult) => void;
};

/** Names as in transformers.js. */
export interface GenerationOptions {
  /** Default 200. */
  readonly max_new_tokens?: number;
  /** Default 1; 0 takes the most probable token. */
  readonly temperature?: number;
  /** Default 0: all. */
  readonly top_k?: number;
  /** Default 1: all. */
  readonly top_p?: number;
  /** Sequences to draw. Default 1. */
  readonly num_return_sequences?: number;
  /** Default 0. */
  readonly seed?: number;
}

const generationKeys = ["max_new_tokens", "temperature", "top_k", "top_p", "num_return_sequences", "seed"] as const;

/**
 * A causal Performer language model with its weights.
 *
 * @example
 * const model = PerformerForCausalLM.create({ modelDim: 128, numLayers: 2, seed: 7 });
 * await model.train(["MKVLAT…", …], { steps: 200 });
 * const [{ sequence }] = await model.generate("MKV", { max_new_tokens: 50, temperature: 0.8 });
 * await model.save_pretrained("my-model");
 */
export class PerformerForCausalLM {
  readonly config: ModelConfig;
  readonly vocabulary: Vocabulary;
  readonly #backend: Backend;
  readonly #seed: number;
  readonly #dtype: WeightDtype;
  #tensors: Record<string, NdArray>;

  private constructor(config: ModelConfig, tensors: Record<string, NdArray>, seed: number, options: LoadOptions) {
    this.config = config;
    this.vocabulary = options.vocabulary ?? proteinVocabulary;
    this.#backend = options.backend ?? createBackend();
    this.#seed = seed;
    this.#dtype = weightDtype(options.dtype ?? "float32");
    this.#tensors = tensors;
  }

  /**
   * A model with fresh weights.
   *
   * @throws ConfigError naming the option, the rule, what came, and the way out
   */
  static create({
    seed = 0,
    vocabulary = proteinVocabulary,
    backend,
    ...options
  }: CreateOptions = {}): PerformerForCausalLM {
    const config = modelConfig({ ...options, vocabSize: vocabulary.size });
    return new PerformerForCausalLM(config, initialState(config, seed).model, seed, {
      vocabulary,
      ...(backend && { backend }),
    });
  }

  /**
   * A saved model, from the texts and bytes of its files. In Node, `from_pretrained` reads them from a folder.
   *
   * @throws ConfigError or StorageError when they are damaged or do not belong together
   */
  static fromFiles(
    files: { readonly config: string; readonly model: Uint8Array },
    options: LoadOptions = {},
  ): PerformerForCausalLM {
    const parsed = parseSavedConfig(files.config);
    const config = modelConfig(parsed.model);
    const { tensors } = decodeSafetensors(files.model, { name: "model.safetensors" });
    checkTensors(config, tensors, "model.safetensors");
    checkVocabulary(config, options.vocabulary ?? proteinVocabulary, "from_pretrained");
    return new PerformerForCausalLM(config, tensors, parsed.seed, options);
  }

  /**
   * Loads a folder with config.json and model.safetensors: a run of `performer train`, or what `save_pretrained` wrote. Node only.
   *
   * @throws StorageError or ConfigError naming the file and what is wrong with it
   */
  static async from_pretrained(folder: string, options: LoadOptions = {}): Promise<PerformerForCausalLM> {
    const { readFileOrExplain, readTextOrExplain } = await import("./storage/files.ts");
    const config = await readTextOrExplain(`${folder}/config.json`);
    const model = await readFileOrExplain(`${folder}/model.safetensors`);
    return PerformerForCausalLM.fromFiles({ config, model }, options);
  }

  /** The files of a saved model, for wherever there is no file system. */
  toFiles(): { readonly config: string; readonly model: Uint8Array } {
    const config = {
      model_type: "performer",
      architectures: ["PerformerForCausalLM"],
      model: this.config,
      training: { seed: this.#seed },
    };
    return {
      config: `${JSON.stringify(config, null, 2)}\n`,
      model: encodeSafetensors(this.#tensors, { format: "pt" }),
    };
  }

  /** Writes config.json and model.safetensors. Each file is complete or absent, never half. Node only. */
  async save_pretrained(folder: string): Promise<void> {
    const { createFolder, writeFileAtomically } = await import("./storage/files.ts");
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

  /**
   * Trains on sequences, from the present weights.
   *
   * @throws DataError for letters outside the vocabulary; ConfigError for options; TrainingError when the loss diverges
   */
  async train(sequences: readonly string[], options: FitOptions = {}): Promise<TrainingProgress | undefined> {
    const { validation, signal, onStep, onEvaluation, ...rest } = options;
    const training = trainingConfig({ seed: this.#seed, ...rest });
    const { tokensPerBatch, bucketStep } = training;
    const plan = { tokensPerBatch, bucketStep, maxSeqLen: this.config.maxSeqLen, vocabulary: this.vocabulary };
    let last: TrainingProgress | undefined;
    const start = initialState(this.config, training.seed);
    const { state } = await train({
      config: this.config,
      training,
      backend: this.#backend,
      batches: planTraining({ ...plan, sequences: this.#encode(sequences), seed: training.seed }),
      initial: { ...start, model: this.#tensors },
      ...(validation && {
        validation: planEvaluation({ ...plan, sequences: this.#encode(validation), predictEnd: false }),
      }),
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

  /** Accuracy, perplexity and loss of the next residue. */
  async evaluate(sequences: readonly string[]): Promise<EvaluationResult> {
    const { vocabulary, config } = this;
    const dtype = this.#dtype;
    // As inputs, float32 weights need not be stored once for each shape of batch.
    const backend =
      dtype === "float32" ? this.#backend : withWeights(this.#backend, { constants: this.#tensors, dtype });
    await using evaluator = createEvaluator(config, backend);
    const batches = planEvaluation({
      sequences: this.#encode(sequences),
      tokensPerBatch: 4096,
      maxSeqLen: config.maxSeqLen,
      vocabulary,
      predictEnd: false,
    });
    return await evaluator.evaluate(this.#tensors, batches); // awaited here, so that the graphs live until it is done
  }

  /**
   * New sequences that begin with the prompt.
   *
   * @throws DataError for a prompt with letters outside the vocabulary; ConfigError for options out of range
   */
  async generate(prompt = "", options: GenerationOptions = {}): Promise<GeneratedSequence[]> {
    const unknown = Object.keys(options).find((key) => !generationKeys.some((known) => known === key));
    if (unknown !== undefined) {
      const near = nearestName(unknown, generationKeys);
      const fix = near === undefined ? `the options are ${generationKeys.join(", ")}` : `did you mean '${near}'?`;
      throw new ConfigError(`generate: '${unknown}' is not an option; ${fix}`);
    }
    const { max_new_tokens, top_k, top_p, num_return_sequences, temperature, seed } = options;
    return generate({
      config: this.config,
      tensors: this.#tensors,
      vocabulary: this.vocabulary,
      backend: this.#backend,
      dtype: this.#dtype,
      prompt,
      ...(max_new_tokens !== undefined && { maxNewTokens: max_new_tokens }),
      ...(top_k !== undefined && { topK: top_k }),
      ...(top_p !== undefined && { topP: top_p }),
      ...(num_return_sequences !== undefined && { count: num_return_sequences }),
      ...(temperature !== undefined && { temperature }),
      ...(seed !== undefined && { seed }),
    });
  }

  #encode(sequences: readonly string[]) {
    return sequences.map((sequence, index) => {
      const id = `sequence ${index + 1}`;
      return { id, tokenIds: this.vocabulary.encode(sequence, { recordId: id }) };
    });
  }
}

/** config.json of a run or of a saved model. */
function parseSavedConfig(text: string): { readonly model: ModelOptions; readonly seed: number } {
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
  // modelConfig checks every key of it.
  return { model: model as ModelOptions, seed: typeof seed === "number" ? seed : 0 };
}
