/** Models as ONNX files, in the folders that transformers.js reads. */
import { refuseUnknownOptions } from "../../graph/arguments.ts";
import { ConfigError, GraphError, problem } from "../../graph/errors.ts";
import { mapValues } from "../../graph/records.ts";
import { canStep } from "../../inference/stepping-slots.ts";
import type { ModelConfig } from "../../model/config.ts";
import { longestSequence } from "../../model/positions.ts";
import { describeMechanism, layerMechanisms } from "../../model/stacks.ts";
import { checkTensors, checkVocabulary, requireModel } from "../../model/tensors.ts";
import { withConstants } from "../../onnx/constants.ts";
import { emitDynamic } from "../../onnx/dynamic/emit-dynamic.ts";
import { SHORTEST_TABLE } from "../../onnx/dynamic/sample-lengths.ts";
import { encodeModel } from "../../onnx/encode.ts";
import { OPSET, type GraphProto } from "../../onnx/model.ts";
import { quantizeLookups } from "../../onnx/quantized-lookups.ts";
import { initializerBytes, storeWeights, type WeightDtype } from "../../onnx/weight-dtype.ts";
import { weightDtype } from "../../runtime/weights.ts";
import { toExactJson } from "../../storage/json.ts";
import { requireNewFolder, writeNewFolder } from "../../storage/new-folder.ts";
import { exportedConfig } from "./config-file.ts";
import { decoderGraph, describeStates, type StateDescription } from "./decoder-graph.ts";
import { encoderBlockLength, encoderGraph, encoderOutputs, type EncoderOutput } from "./encoder-graph.ts";
import type { ExportableModel } from "./exportable-model.ts";
import { tokenizerFiles } from "./tokenizer-files.ts";

export interface ExportOnnxOptions {
  /** How weights are stored. Default float32, also by the names of transformers.js: fp32, fp16, q8. */
  readonly dtype?: WeightDtype | "fp32" | "fp16" | "q8";
  /**
   * What an encoder gives: its `states` (`last_hidden_state`, for embeddings), or the `predictions` of its head
   * (`logits`). Default: predictions where the head was trained on labels, states elsewhere.
   */
  readonly output?: EncoderOutput;
  /** The longest sequence that tables of positions serve. Default: the model's own. */
  readonly maxLength?: number;
  /**
   * An encoder for sequences of exactly so many tokens: for mechanisms whose graph depends on the length. Default: any
   * length.
   */
  readonly length?: number;
  /**
   * A decoder reads parts of any length, whole prompts too, by the op `com.microsoft.LinearAttention`, which ONNX
   * Runtime alone has. Default false: standard ops, one token a run.
   */
  readonly linearAttention?: boolean;
}

export interface OnnxExport {
  /** Paths in the folder → content. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** The path of the .onnx file. */
  readonly modelPath: string;
  readonly sizeBytes: number;
  readonly dtype: WeightDtype;
  /** Names of the inputs and outputs with their axes; lengths that are known only when it runs by their names. */
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs: Readonly<Record<string, readonly (number | string)[]>>;
  /** Tokens that it reads at most. */
  readonly longest: number;
  /** The states of a decoder. */
  readonly states: readonly StateDescription[];
  /** Whether there is a tokenizer.json; bytes and pixels have none. */
  readonly hasTokenizer: boolean;
}

const WHO = "exportOnnx";

/** Endings as transformers.js looks for them. */
const suffixes = { float32: "", float16: "_fp16", int8: "_quantized" } as const satisfies Record<WeightDtype, string>;

/** Protocol buffers count to here. */
const LARGEST_FILE_BYTES = 2 ** 31 - 1;

/**
 * A model as the files that other programs run: onnx/model.onnx, config.json, tokenizer.json and tokenizer_config.json.
 *
 * Encoders take `input_ids` and `attention_mask` of any batch and length; transformers.js runs them as
 * `pipeline("feature-extraction", folder)`. Decoders become one step, onnx/decoder_model.onnx, whose states go in as
 * `past.*` and come out as `present.*`; `states` of config.json lists them with what they begin with. Standard ops
 * alone, but for int8 weights, which are multiplied by `com.microsoft.MatMulNBits`, and for `linearAttention`.
 *
 * @throws ConfigError for encoder–decoders, mechanisms whose graph changes with the length (without `length`), decoders
 *   without a state of fixed size, and files beyond 2 GB
 *
 * @example const { files } = exportOnnx(await loadPretrained("all-MiniLM-L6-v2"), { dtype: "float16" });
 */
export function exportOnnx(model: ExportableModel, options: ExportOnnxOptions = {}): OnnxExport {
  requireModel(model, "exportOnnx", "model");
  refuseUnknownOptions("exportOnnx", options, ["dtype", "output", "maxLength", "length", "linearAttention"]);
  const { config, tensors, vocabulary } = model;
  const dtype = weightDtype(options.dtype ?? "float32");
  const { architecture } = config;
  if (architecture === "encoder-decoder") {
    refuse("the model must have one stack of blocks", `'${architecture}'`, "export a decoder or an encoder");
  }
  if (config.patches !== undefined) {
    refuse("the model must read tokens", "one that reads patches of images", "export a model of text or proteins");
  }
  if (options.linearAttention === true && architecture !== "decoder") {
    refuse("linearAttention must come with a decoder", `'${architecture}'`, "leave it out: encoders read any length");
  }
  checkTensors(config, tensors, WHO);
  checkVocabulary(config, vocabulary, WHO);
  const tableLength = tableLengthOf(config, options);
  const parts =
    architecture === "encoder" ? encoderParts(model, options, tableLength) : decoderParts(model, options, tableLength);
  const { lowerCase = false, prompt = "" } = model;
  const longest = options.length ?? Math.min(model.longest ?? Number.POSITIVE_INFINITY, tableLength);
  const tokenizer = tokenizerFiles({ vocabulary, longest, lowerCase, prompt });
  const about = { name: model.name, mechanism: describeMechanism(config), numFeatures: config.numFeatures, dtype };
  const stored = storeWeights(withConstants(parts.graph, tensors), dtype);
  // A quarter of all weights of a small model of many words.
  const proto = dtype === "int8" ? quantizeLookups(stored) : stored;
  checkSize(initializerBytes(proto), dtype);
  const bytes = encodeModel(proto, mapValues({ ...about, opset: OPSET, longest }, String));
  const modelPath = `onnx/${parts.stem}${suffixes[dtype]}.onnx`;
  const { output, states } = parts;
  const described = {
    ...about,
    longest,
    ...(states.length > 0 && { states, tokensPerRun: options.linearAttention === true ? "any" : 1 }),
  };
  return {
    files: {
      [modelPath]: bytes,
      ...mapValues(
        { "config.json": exportedConfig(model, output, longest, described), ...tokenizer },
        (content: object) => toExactJson(content, "a file of the exported model"),
      ),
    },
    modelPath,
    sizeBytes: bytes.length,
    dtype,
    inputs: axesOf(proto.inputs),
    outputs: axesOf(proto.outputs),
    longest,
    states,
    hasTokenizer: tokenizer !== undefined,
  };
}

interface Parts {
  readonly graph: GraphProto;
  readonly stem: string;
  readonly output: EncoderOutput;
  readonly states: readonly StateDescription[];
}

function encoderParts({ config }: ExportableModel, options: ExportOnnxOptions, tableLength: number): Parts {
  const hasLabels = config.head !== "language-modeling" && config.head !== "none";
  const { output = hasLabels ? "predictions" : "states", length: fixed } = options;
  if (!encoderOutputs.includes(output)) {
    refuse(`output must be ${encoderOutputs.join(" or ")}`, `'${String(output)}'`, "leave it out");
  }
  if (output === "predictions" && config.head === "none") {
    refuse("predictions must come with a head", "a body without one", "leave output out for its states");
  }
  // The numbers are the same in chunks, but a longer sequence has more of them.
  const whole = { ...config, feedForwardChunkSize: 0 };
  const blockLength = fixed === undefined ? encoderBlockLength(config) : undefined;
  const pads = blockLength !== undefined && blockLength > 1;
  const free = {
    batch: idsAxis(0),
    ...(fixed === undefined && { length: { ...idsAxis(1), most: tableLength } }),
    ...(pads && { blocks: { blocksOf: "length", blockLength } }),
  };
  const graph = asConfigError(config, () =>
    emitDynamic(({ batch: batchSize = 1, length = fixed ?? 1, blocks: count = length }) => {
      const blocks = blockLength === undefined ? undefined : { count, length: blockLength };
      return encoderGraph(whole, output, { batchSize, length, blocks });
    }, free),
  );
  return { graph, stem: "model", output, states: [] };
}

/** Where the graph reads its free lengths. */
function idsAxis(axis: number) {
  return { input: "input_ids", axis };
}

function decoderParts({ config }: ExportableModel, options: ExportOnnxOptions, tableLength: number): Parts {
  const { output, length, linearAttention = false } = options;
  if (output !== undefined || length !== undefined) {
    refuse(
      "output and length must come with an encoder",
      "a decoder, which is exported as a step of one token that gives logits",
      "leave them out",
    );
  }
  if (config.head !== "language-modeling") {
    refuse(
      "a decoder must predict tokens",
      `head '${config.head}'`,
      "export an encoder with this head, or the run that it began with",
    );
  }
  if (!canStep(config)) {
    refuse(
      "a decoder's mechanism must have a state of fixed size",
      `'${describeMechanism(config)}'`,
      "put another in its place with performer convert (convertModel), such as 'favor'",
    );
  }
  const form = linearAttention ? "any-length" : "own";
  if (linearAttention) requireAnyLength(config);
  const free = linearAttention
    ? { batch: idsAxis(0), length: { ...idsAxis(1), most: tableLength } }
    : { batch: idsAxis(0) };
  const graph = asConfigError(config, () =>
    emitDynamic(
      ({ batch = 1, length = 1 }) => decoderGraph(config, { batchSize: batch, length, longest: tableLength }, form),
      free,
    ),
  );
  return { graph, stem: "decoder_model", output: "predictions", states: describeStates(config, form) };
}

function requireAnyLength(config: ModelConfig): void {
  const without = layerMechanisms(config).find(({ recurrent }) => recurrent?.anyLength === undefined);
  if (without === undefined) return;
  refuse(
    "with linearAttention all heads must be linear attention, such as 'favor', or 'local'",
    `'${without.name}'`,
    "leave it out for steps of one token",
  );
}

/** The positions that tables are made for. */
function tableLengthOf(config: ModelConfig, { maxLength, length }: ExportOnnxOptions): number {
  const { length: most, reason, fix } = longestSequence(config);
  for (const [name, value] of Object.entries({ maxLength, length })) {
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 1) {
      refuse(`${name} must be a positive whole number`, String(value), "leave it out");
    }
    if (value > most)
      refuse(`with ${reason}, ${name} must be at most ${most}`, String(value), `leave it out, or ${fix}`);
  }
  const found = maxLength ?? Math.max(config.maxSeqLen, length ?? 0);
  if (found >= SHORTEST_TABLE) return found;
  return refuse(`maxLength must be at least ${SHORTEST_TABLE}`, String(found), "allow more positions, or give length");
}

/** Rewords the limits of a mechanism's graph for the caller who chose the mechanism. */
function asConfigError(config: ModelConfig, emit: () => GraphProto): GraphProto {
  try {
    return emit();
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    const fix =
      config.architecture === "decoder"
        ? "export it without linearAttention, or put 'favor' in its place"
        : "export it for one length (length, --length), or put 'favor', 'local' or both in its place, which serve any";
    throw new ConfigError(
      problem`${WHO}: the graph must be the same at all lengths, got one of '${describeMechanism(config)}' that is not
      (${error.message}); ${fix}`,
      { cause: error },
    );
  }
}

function checkSize(bytes: number, dtype: WeightDtype): void {
  if (bytes < LARGEST_FILE_BYTES) return;
  const smaller = {
    float32: "store weights as float16 or int8",
    float16: "store weights as int8",
    int8: "export a smaller model",
  };
  refuse(
    "a file must be smaller than 2 GB, which is where its format ends",
    `${(bytes / 1e9).toFixed(1)} GB of ${dtype}`,
    smaller[dtype],
  );
}

function axesOf(values: GraphProto["inputs"]): Readonly<Record<string, readonly (number | string)[]>> {
  return Object.fromEntries(values.map(({ name, shape, dims = shape }) => [name, dims]));
}

function refuse(rule: string, got: string, fix: string): never {
  throw new ConfigError(problem`${WHO}: ${rule}, got ${got}; ${fix}`);
}

/**
 * Exports a model like `exportOnnx` and writes the files to a new or empty folder, which appears when it is complete.
 *
 * @throws StorageError for a folder that holds anything, which stays as it is, and where it cannot be written
 */
export async function saveOnnx(
  folder: string,
  model: ExportableModel,
  options: ExportOnnxOptions = {},
): Promise<OnnxExport> {
  await requireNewFolder(folder);
  const exported = exportOnnx(model, options);
  await writeNewFolder(folder, exported.files);
  return exported;
}
