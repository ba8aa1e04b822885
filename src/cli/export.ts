/** `performer export`: a model as the files that other programs run. */

import { Option, type Command } from "commander";

import { encoderOutputs } from "../convert/onnx/encoder-graph.ts";
import { weightDtypeNames } from "../runtime/weights.ts";
import { exportToOnnx, type ExportTaskOptions } from "../tasks/export/export.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { createVerb, positiveInteger } from "./verb.ts";

interface ExportVerbOptions extends ExportTaskOptions {
  readonly json?: boolean;
}

const NOTES = `
OUT is in the layout that transformers.js reads: onnx/model.onnx (_fp16, _quantized), config.json
and the tokenizer. Of a decoder it holds onnx/decoder_model.onnx, one step whose states go in as
past.* and come out as present.*; config.json says what they begin with. With --linear-attention a
step takes any number of tokens.`;

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
    .requiredOption("--out <folder>", "new or empty folder for the files")
    .addOption(new Option("--to <format>", "what is written").choices(["onnx"]).default("onnx"))
    .addOption(
      new Option("--dtype <type>", "how weights are stored, also by the names of transformers.js")
        .choices(weightDtypeNames)
        .default("float32"),
    )
    .addOption(
      new Option(
        "--output <what>",
        "what an encoder outputs (default: predictions where it was trained on labels, else states)",
      ).choices(encoderOutputs),
    )
    .addOption(new Option("--dynamic", "export for any batch and any length (the default)").conflicts("length"))
    .option("--length <tokens>", "export an encoder for sequences of exactly this many tokens", positiveInteger)
    .option(
      "--linear-attention",
      "export a decoder that reads whole prompts in one run, with an operator that only ONNX Runtime has " +
        "(LinearAttention)",
    )
    .option("--max-length <tokens>", "the longest sequence (default: the model's)", positiveInteger)
    .action(exportModel);
}

async function exportModel(folder: string, { json, ...options }: ExportVerbOptions): Promise<void> {
  using display = showEvents();
  const { result, text } = await exportToOnnx(folder, options, display);
  if (json === true) await printJson(result);
  else process.stdout.write(`${text}\n`);
}
