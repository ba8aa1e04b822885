/** A model as the files that other programs run. */

import { exportOnnx, type ExportableModel, type ExportOnnxOptions, type OnnxExport } from "../../convert/index.ts";
import { vocabularyFrom } from "../../data/index.ts";
import { describeMechanism } from "../../model/stacks.ts";
import type { TaskContext } from "../../runs/events.ts";
import { openModel, type OpenedModel } from "../../runs/open-model.ts";
import { asUsage } from "../../runs/usage.ts";
import { weightDtype } from "../../runtime/weights.ts";
import { requireNewFolder, writeNewFolder } from "../../storage/new-folder.ts";
import { describeExport } from "./export-text.ts";

export interface ExportTaskOptions extends Pick<
  ExportOnnxOptions,
  "output" | "length" | "maxLength" | "linearAttention"
> {
  /** How weights are stored, also by the names of transformers.js. */
  readonly dtype: string;
  /** A new or an empty folder. */
  readonly out: string;
}

export interface Exported {
  readonly result: ReturnType<typeof resultOf>;
  /** The files, what goes in and out, and how they are used, for people. */
  readonly text: string;
}

/**
 * Writes an ONNX file and what belongs to it.
 *
 * @param folder of a run, or of a pretrained or converted model, or its name on the hub
 * @throws UsageError or ConfigError for what cannot be exported; StorageError for folders
 */
export async function exportToOnnx(
  folder: string,
  { out, dtype, output, length, maxLength, linearAttention }: ExportTaskOptions,
  { onEvent }: TaskContext = {},
): Promise<Exported> {
  await requireNewFolder(out);
  const model = exportable(await openModel(folder, {}, onEvent));
  const exported = await asUsage(() =>
    exportOnnx(model, {
      dtype: weightDtype(dtype),
      ...(output !== undefined && { output }),
      ...(length !== undefined && { length }),
      ...(maxLength !== undefined && { maxLength }),
      ...(linearAttention !== undefined && { linearAttention }),
    }),
  );
  await writeNewFolder(out, exported.files);
  return { result: resultOf(out, model, exported), text: describeExport(out, model, exported) };
}

function exportable(opened: OpenedModel): ExportableModel {
  if (opened.kind === "pretrained") return opened.model;
  const { config, tensors } = opened.run;
  const { classNames } = config;
  return {
    name: config.name,
    config: config.model,
    tensors,
    vocabulary: vocabularyFrom(config.vocabulary),
    classNames,
  };
}

function resultOf(out: string, { name, config }: ExportableModel, exported: OnnxExport) {
  const { files, modelPath, sizeBytes, dtype, inputs, outputs, longest, states } = exported;
  const about = { out, from: name, architecture: config.architecture, mechanism: describeMechanism(config), dtype };
  return { ...about, files: Object.keys(files), modelPath, sizeBytes, inputs, outputs, longest, states };
}
