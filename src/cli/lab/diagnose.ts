// `performer lab diagnose`: what random features make of a trained model's attention, layer by layer, head by head.

import type { Command } from "commander";
import { Option } from "commander";
import { join } from "node:path";

import { DataError, getSplit, proteinVocabulary, splitNames } from "../../data/index.ts";
import type { EncodedSequence, ProteinDataset, SplitName } from "../../data/index.ts";
import { diagnoseModel } from "../../inference/observe-diagnosis.ts";
import { createFolder, writeFileAtomically } from "../../storage/files.ts";

import { printJson } from "../output/json.ts";
import { createProgress } from "../output/progress.ts";
import type { RunConfig } from "../../runs/run-config.ts";
import { loadRunData, openRunModel } from "../../runs/run-model.ts";
import { addDataOptions, addEngineOptions, createVerb, positiveInteger, shareOfOne, wholeNumber } from "../verb.ts";
import type { DataOptions } from "../../runs/data/options.ts";
import type { EngineOptions } from "../../runs/engine-options.ts";
import { formatDiagnosis } from "../../tasks/diagnose/diagnosis-table.ts";

/** Exact attention, which everything is compared with, is quadratic in the length. */
const LONGEST = 512;

interface DiagnoseVerbOptions extends DataOptions, EngineOptions {
  readonly split: SplitName;
  readonly sequences: number;
  readonly length?: number;
  readonly features?: number;
  readonly wantedError: number;
  readonly seed: number;
  readonly json?: boolean;
  readonly out?: string;
}

const NOTES = `
‖x‖² is the median squared norm of queries and keys over √headDim. Predicted and measured are the relative variance of the kernel
entries that exact attention reads; the prediction is for independent rows. Output error is ‖approximate − exact‖ / ‖exact‖, mean
over projections drawn anew; features needed bring it to --wanted-error. A model with exact attention is diagnosed as if FAVOR+
took its place.`;

export function diagnoseCommand(): Command {
  const command = createVerb({
    name: "lab diagnose",
    summary: "Measure how far a trained model's attention is from exact attention, and what would bring it nearer.",
    examples: [
      ["lab diagnose runs/demo", "every layer and head on sequences held out from training"],
      ["lab diagnose runs/demo --features 256 --wanted-error 0.05", "what other settings would give"],
      ["lab diagnose runs/demo --out runs/demo/diagnosis", "with a picture of exact and approximate attention"],
      ["lab diagnose runs/demo --fasta mine.fasta --split-by hash", "on other sequences"],
      ["lab diagnose runs/demo --json", "all figures as JSON"],
    ],
  })
    .name("diagnose")
    .addHelpText("after", NOTES)
    .argument("<folder>", "the run folder that train wrote")
    .addOption(new Option("--split <name>", "which split").choices(splitNames).default("test"))
    .option("--sequences <count>", "how many sequences", positiveInteger, 4)
    .option(
      "--length <tokens>",
      `tokens of a sequence that are read (default: what the longest so many have, at most ${LONGEST})`,
      positiveInteger,
    )
    .option("--features <count>", "random features (default: the model's)", positiveInteger)
    .option("--wanted-error <share>", "the output error that one can live with", shareOfOne, 0.1)
    .option("--seed <number>", "decides projections and sampled positions", wholeNumber, 0)
    .option("--out <folder>", "write attention.svg there: exact and approximate attention of one sequence");
  return addEngineOptions(addDataOptions(command)).action(async (path: string, options: DiagnoseVerbOptions) => {
    const { config, tensors, backend } = await openRunModel(path, options);
    const dataset = await loadRunData(config, options, "diagnose on");
    const { sequences: count, features, wantedError, seed } = options;
    const chosen = chooseSequences(dataset, config, options);
    const progress = createProgress({ label: "lab diagnose", total: config.model.numLayers });
    const common = { config: config.model, tensors, backend };
    let diagnosis: Awaited<ReturnType<typeof diagnoseModel>>;
    try {
      diagnosis = await diagnoseModel({
        ...common,
        tokenIds: chosen.tokenIds,
        wantedError,
        seed,
        samples: LONGEST,
        ...(features !== undefined && { numFeatures: features }),
        onLayer: (done) => progress.update(done),
      });
    } finally {
      progress.stop();
    }
    const picture = options.out === undefined ? undefined : join(options.out, "attention.svg");
    if (options.out !== undefined && picture !== undefined) {
      // Loaded when it is needed: plots and a document cost every other command a third of a second.
      const { drawAttention } = await import("../../tasks/diagnose/attention-picture.ts");
      const svg = await drawAttention({ ...common, tokenIds: chosen.tokenIds.slice(0, 1), diagnosis });
      await createFolder(options.out);
      await writeFileAtomically(picture, svg);
    }
    if (chosen.tokenIds.length < count) {
      process.stderr.write(
        `lab diagnose: ${chosen.tokenIds.length} sequences of ${chosen.length} tokens or more are in the data, of ${count} asked for\n`,
      );
    }
    if (options.json === true) {
      await printJson({
        split: options.split,
        length: chosen.length,
        ids: chosen.ids,
        picture: picture ?? null,
        ...diagnosis,
      });
    } else {
      process.stdout.write(`${formatDiagnosis(diagnosis, chosen.length)}\n`);
      if (picture !== undefined) process.stdout.write(`\nattention of ${chosen.ids[0] ?? ""}: ${picture}\n`);
    }
  });
}

interface ChosenSequences {
  readonly ids: readonly string[];
  /** What the model reads: <bos>, and residues up to the length. */
  readonly tokenIds: readonly Int32Array[];
  readonly length: number;
}

/** The first sequences that are long enough, cut to one length. */
function chooseSequences(
  dataset: ProteinDataset,
  { model }: RunConfig,
  { split, sequences: count, length: wanted }: DiagnoseVerbOptions,
): ChosenSequences {
  const all = getSplit(dataset, split);
  const lengths = all.map(({ tokenIds }) => tokenIds.length).toSorted((a, b) => b - a);
  const reached = lengths[Math.min(count, lengths.length) - 1] ?? 0;
  const length = wanted ?? Math.min(reached, LONGEST, model.maxSeqLen);
  const longEnough = all.filter(({ tokenIds }) => tokenIds.length >= length).slice(0, count);
  if (longEnough.length === 0 || length === 0) {
    throw new DataError({
      who: `${dataset.name}, split ${split}`,
      rule: `a sequence must have ${Math.max(1, length)} residues or more`,
      got: `at most ${lengths[0] ?? 0}`,
      fix: "give a smaller --length",
    });
  }
  return { length, ids: longEnough.map(({ id }) => id), tokenIds: longEnough.map((each) => inputIds(each, length)) };
}

function inputIds({ tokenIds }: EncodedSequence, length: number): Int32Array {
  return Int32Array.of(proteinVocabulary.bosId, ...tokenIds.subarray(0, length - 1));
}
