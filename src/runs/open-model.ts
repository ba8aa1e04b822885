/** The model that a verb is given: a run of ours, or a pretrained model as a folder or by its name on the hub. */

import { problem } from "../graph/errors.ts";
import { embeddingOf, type EncodedText, type FileSource, type PretrainedModel } from "../convert/index.ts";
import { DataError } from "../data/errors.ts";
import { convertChannels, cropCentre, resizeImage, type PixelImage } from "../data/images/pixels.ts";
import { vocabularyFrom, type Vocabulary } from "../data/index.ts";
import { encodePixels, imageShapeOf, type ImageShape } from "../data/vocabularies/pixels.ts";
import type { EmbedOptions, Pooling } from "../inference/embed.ts";
import { openSavedModel } from "../models/open-saved-model.ts";
import type { Backend } from "../runtime/index.ts";
import { createBackend } from "../runtime/node.ts";
import { StorageError } from "../storage/errors.ts";
import { listFolder } from "../storage/files.ts";
import { isHubName } from "../storage/hub-source.ts";
import type { DownloadProgress } from "../storage/file-source.ts";
import { openRunFolder } from "../storage/run-folder.ts";
import { isAddress } from "../files/http.ts";
import { reportProgress, type OnEvent, type ProgressReport } from "./events.ts";
import { runModelOf, type RunModel } from "./run-model.ts";
import type { EngineOptions } from "./engine-options.ts";

export interface EmbeddingModel extends Pick<EmbedOptions, "config" | "tensors" | "vocabulary" | "backend" | "wrap"> {
  /** The model's folder or hub name, for messages. */
  readonly name: string;
  readonly reads: PretrainedModel["reads"];
  /** The model's own pooling, for callers who name none. */
  readonly pooling: Pooling;
  readonly normalize: boolean;
  /**
   * Encodes a text with a pretrained model's tokenizer, cut to its longest input. Undefined for runs, which use their
   * vocabulary.
   */
  readonly encode: ((text: string, id: string) => EncodedText) | undefined;
  /** Encodes an image of any size. Only for models of images. */
  readonly encodeImage: ((image: PixelImage, id: string) => EncodedText) | undefined;
  /** The most tokens of a text that are read. */
  readonly longest: number;
}

/** A model and how it was made: trained here, or pretrained (also converted). */
export type OpenedModel =
  | { readonly kind: "run"; readonly name: string; readonly run: RunModel }
  | {
      readonly kind: "pretrained";
      readonly name: string;
      readonly model: PretrainedModel;
      /** Its files. */
      readonly source: FileSource;
      readonly backend: Backend;
    };

/**
 * Opens a folder as what its config.json says that it is, or a model by its address or its name on the hub.
 *
 * @throws StorageError or ConfigError when it is neither, or damaged
 */
export async function openModel(folder: string, engine: EngineOptions, onEvent?: OnEvent): Promise<OpenedModel> {
  if (!isAddress(folder)) await requireFolder(folder);
  using downloads = reportDownloads(onEvent);
  const saved = await openSavedModel(folder, { onDownload: downloads.update });
  const { name, pretrained, source } = saved;
  if (pretrained === undefined) return { kind: "run", name, run: runModelOf(saved, engine) };
  return { kind: "pretrained", name, model: pretrained, source, backend: createBackend(engine) };
}

/** @throws StorageError where there is neither a folder of a model nor a name on the hub */
async function requireFolder(folder: string): Promise<void> {
  const names = await listFolder(folder);
  if (names === undefined && !isHubName(folder)) {
    throw new StorageError(
      problem`${folder}: a model's folder or its name on the hub (owner/name) is needed, but there is no such folder;
      check the path.`,
      { code: "ERR_NOT_FOUND" },
    );
  }
  // Its error lists what the folder holds.
  if (names !== undefined && !names.includes("modules.json")) await openRunFolder(folder);
}

/** Opens a model like `openModel`, ready for embedding. */
export async function openEmbeddingModel(
  folder: string,
  engine: EngineOptions,
  onEvent?: OnEvent,
): Promise<EmbeddingModel> {
  return embeddingModelOf(await openModel(folder, engine, onEvent));
}

export function embeddingModelOf(opened: OpenedModel): EmbeddingModel {
  if (opened.kind === "run") return subjectOfRun(opened.name, opened.run);
  const { model, backend } = opened;
  const { name, reads, pooling, normalize, encode, encodeImage, longest } = model;
  return { ...embeddingOf(model), name, reads, pooling, normalize, encode, encodeImage, longest, backend };
}

/** Progress of each file that is downloaded; nothing where none is. */
function reportDownloads(
  onEvent: OnEvent | undefined,
): Disposable & { readonly update: (progress: DownloadProgress) => void } {
  let shown: { readonly path: string; readonly bar: ProgressReport } | undefined;
  return {
    update: ({ path, doneBytes, sizeBytes }) => {
      if (shown?.path !== path) {
        shown?.bar.stop();
        shown = { path, bar: reportProgress(onEvent, { label: `download ${path}`, unit: "bytes", total: sizeBytes }) };
      }
      shown.bar.update(doneBytes);
    },
    [Symbol.dispose]: () => shown?.bar.stop(),
  };
}

function subjectOfRun(name: string, { config, tensors, backend }: RunModel): EmbeddingModel {
  const vocabulary = vocabularyFrom(config.vocabulary);
  const shape = imageShapeOf(vocabulary);
  return {
    config: config.model,
    tensors,
    vocabulary,
    backend,
    name,
    reads: shape !== undefined ? "images" : readsText(vocabulary) ? "text" : "proteins",
    pooling: "mean",
    normalize: false,
    encode: undefined,
    encodeImage: shape && ((image, id) => fitted(image, shape, id)),
    longest: Number.POSITIVE_INFINITY,
  };
}

/**
 * An image as one of a run's shape: its largest square, resized, as training does with images of other sizes.
 *
 * @throws DataError for one of another shape where that of the run is no square
 */
function fitted(image: PixelImage, { width, height, channels }: ImageShape, id: string): EncodedText {
  const coloured = convertChannels(image, channels);
  const isFitting = image.width === width && image.height === height;
  if (!isFitting && width !== height) {
    throw new DataError({
      who: id,
      rule: `an image must be ${width} × ${height} pixels, as those that the run was trained on`,
      got: `${image.width} × ${image.height}`,
      fix: "resize it",
    });
  }
  const { pixels } = isFitting ? coloured : resizeImage(cropCentre(coloured), width, height);
  return { id, tokenIds: encodePixels(pixels), dropped: 0 };
}

/** Proteins are refused later by what the vocabulary holds, so words may count among them here. */
function readsText(vocabulary: Vocabulary): boolean {
  return ["bytes", "characters", "tokenizer"].includes(vocabulary.toJSON().kind);
}
