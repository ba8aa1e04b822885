/** `performer bench model`: its options, and what it prints. */

import type { Command } from "commander";

import { mechanisms } from "../../attention/mechanisms.ts";
import { modelCurves } from "../../bench/curves.ts";
import { FREE_ATTENTION } from "../../bench/model-graphs.ts";
import { benchModel, benchModelNames } from "../../bench/model.ts";
import { modelBenchSettings, type ModelBenchOptions } from "../../bench/settings.ts";
import { formatModelBench } from "../../bench/tables.ts";
import { positiveInteger } from "../verb.ts";
import { addCaseOptions, addThreadsOption, createBench, showBench, type ShownOptions } from "./options.ts";

const NOTES = `
Regular has 8 heads, 6 layers, mlpDim 2048 and modelDim 512, small 1 head, 6 layers, mlpDim 64 and
modelDim 64, as in figure 3 of arXiv:2009.14794; batch 1, a small vocabulary. '${FREE_ATTENTION}' is
the same model with attention that returns its values: the fastest that any can be (its queries and
keys are not even computed). Forward gives logits, forward+backward the loss and the gradient of
every weight.

Every model runs in a process of its own, which is where its peak memory comes from: program, engine
and weights included. All that are compared run in turn, round by round. What certainly does not fit
into the free memory is skipped in one line.`;

export function modelBenchCommand(): Command {
  const command = createBench({
    name: "model",
    summary: "Measure a whole model in time and memory beside one whose attention costs nothing.",
    examples: [
      ["bench model", "both models, up to 2,048 tokens: some minutes"],
      ["bench model --model regular --lengths 8192 --pass forward+backward --mechanisms favor", "one long sequence"],
      ["bench model --model small --lengths 1024,4096,16384 --svg small.svg", "curves of time and memory"],
      ["bench model --mechanisms favor,favor-relu --json", "two feature maps, the figures as JSON"],
    ],
    notes: NOTES,
  });
  return addThreadsOption(
    addCaseOptions(command, { pass: "both", direction: "causal" })
      .option("--model <list>", `which of ${benchModelNames.join(", ")}`, benchModelNames.join(","))
      .option("--lengths <list>", "tokens in the sequence", "512,1024,2048")
      .option(
        "--mechanisms <list>",
        `beside ${FREE_ATTENTION}: which of ${Object.keys(mechanisms).join(", ")}`,
        "favor,exact",
      )
      .option("--features <count>", "random features a head", positiveInteger, 256)
      .option("--rounds <count>", "how often everything runs in turn", positiveInteger, 5),
  )
    .option("--svg <file>", "draw time and memory over length, all logarithmic")
    .action((options: ModelBenchOptions & ShownOptions) =>
      showBench(options, (context) => benchModel(modelBenchSettings(options), context), {
        format: formatModelBench,
        figure: { label: "Whole models by length", curves: ({ rows }) => modelCurves(rows) },
      }),
    );
}
