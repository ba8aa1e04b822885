// `performer export`: a model as the files that other programs run.

import { Option } from "commander";
import type { Command } from "commander";

import { exportOnnx } from "../convert/index.ts";
import type { ExportableModel, ExportOnnxOptions, OnnxExport } from "../convert/index.ts";
import { encoderOutputs } from "../convert/onnx/encoder-graph.ts";
import { vocabularyFrom } from "../data/index.ts";
import { describeMechanism } from "../model/stacks.ts";
import { weightDtype, weightDtypeNames } from "../runtime/weights.ts";
import { requireNewFolder, writeNewFolder } from "../storage/new-folder.ts";
import { describeExport } from "../tasks/export/export-text.ts";
import { asUsage } from "../runs/usage.ts";
import { openModel } from "../runs/open-model.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { printJson } from "./output/json.ts";
import { createVerb, positiveInteger } from "./verb.ts";

interface ExportVerbOptions {
  readonly to: "onnx";
  readonly dtype: string;
  readonly dynamic?: boolean;
  readonly length?: number;
  readonly maxLength?: number;
  readonly linearAttention?: boolean;
  readonly output?: NonNullable<ExportOnnxOptions["output"]>;
  readonly out: string;
  readonly json?: boolean;
}

const NOTES = `
OUT is in the layout that transformers.js reads: onnx/model.onnx (_fp16, _quantized), config.json and the tokenizer. Of a decoder it holds
onnx/decoder_model.onnx, one step whose states go in as past.* and come out as present.*; config.json says what they begin with. With
--linear-attention a step takes any number of tokens.`;

export function exportCommand(): Command {
  return createVerb({
    name: "export",
    summary: "Write a model as an ONNX file that transformers.js and ONNX Runtime run, without this package.",
    examples: [
      ["export all-MiniLM-L6-v2 --to onnx --out minilm-onnx", "a pretrained encoder, for any batch and length"],
      ["export minilm-favor --dtype int8 --out minilm-small", "one that convert wrote, with weights of 8 bits"],
      ["export runs/demo --out demo-onnx", "a decoder: one step, with its state in and out"],
      [
        "export runs/demo --linear-attention --out demo-prompts",
        "the same, which also reads a whole prompt in one run",
      ],
      ["export runs/bigbird --length 512 --out bigbird-onnx", "a mechanism whose graph depends on the length"],
    ],
  })
    .addHelpText("after", NOTES)
    .argument("<folder>", "a run folder that train wrote; or a pretrained or converted model's, or its name on the hub")
    .requiredOption("--out <folder>", "where the files go: a new or an empty folder")
    .addOption(new Option("--to <format>", "what is written").choices(["onnx"]).default("onnx"))
    .addOption(
      new Option("--dtype <type>", "how weights are stored, also by the names of transformers.js")
        .choices(weightDtypeNames)
        .default("float32"),
    )
    .addOption(
      new Option("--output <what>", "of an encoder (default: predictions of labels, else states)").choices(
        encoderOutputs,
      ),
    )
    .addOption(new Option("--dynamic", "any batch and any length, which is the default").conflicts("length"))
    .option("--length <tokens>", "an encoder for sequences of exactly so many tokens", positiveInteger)
    .option(
      "--linear-attention",
      "a decoder that reads whole prompts in one run, by an op that only ONNX Runtime has (LinearAttention)",
    )
    .option("--max-length <tokens>", "the longest sequence (default: the model's)", positiveInteger)
    .action(exportModel);
}

async function exportModel(folder: string, options: ExportVerbOptions): Promise<void> {
  const { out, output, length, maxLength, linearAttention, json } = options;
  await requireNewFolder(out);
  const model = exportable(await openModel(folder, {}));
  const exported = await asUsage(() =>
    exportOnnx(model, {
      dtype: weightDtype(options.dtype),
      ...(output !== undefined && { output }),
      ...(length !== undefined && { length }),
      ...(maxLength !== undefined && { maxLength }),
      ...(linearAttention !== undefined && { linearAttention }),
    }),
  );
  await writeNewFolder(out, exported.files);
  if (json === true) {
    await printJson(documentOf(out, model, exported));
    return;
  }
  process.stdout.write(`${describeExport(out, model, exported)}\n`);
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

function documentOf(out: string, { name, config }: ExportableModel, exported: OnnxExport) {
  const { files, modelPath, sizeBytes, dtype, inputs, outputs, longest, states } = exported;
  const about = { out, from: name, architecture: config.architecture, mechanism: describeMechanism(config), dtype };
  return { ...about, files: Object.keys(files), modelPath, sizeBytes, inputs, outputs, longest, states };
}
