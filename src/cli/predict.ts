// `performer predict`: the classes, or the values, that a fine-tuned model tells of new proteins.

import type { Command } from "commander";

import { lengthOf } from "../data/datasets.ts";
import { vocabularyFrom } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { runSequences } from "../inference/sequence-runs.ts";
import { isPooled } from "../model/output.ts";
import { logits } from "../model/performer.ts";
import { writeFileAtomically } from "../storage/files.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { UsageError } from "../runs/usage.ts";
import { predictionOf } from "../runs/held-out.ts";
import { csvLine } from "../text/csv.ts";
import { printJson } from "./output/json.ts";
import { formatCount, plural } from "../text/numbers.ts";
import type { RunConfig } from "../runs/run-config.ts";
import { openRunModel } from "../runs/run-model.ts";
import { addSequenceOptions, readSequences } from "../tasks/input/sequence-input.ts";
import type { InputSequence, SequenceOptions } from "../tasks/input/sequence-input.ts";
import { addEngineOptions, createVerb } from "./verb.ts";
import type { EngineOptions } from "../runs/engine-options.ts";

interface PredictVerbOptions extends EngineOptions, DtypeOptions, SequenceOptions {
  readonly out?: string;
  readonly json?: boolean;
}

/** What is told of one protein. */
interface Prediction {
  readonly id: string;
  /** The name of a class, or a number. */
  readonly prediction: string | number;
  /** Of the class. */
  readonly probability?: number;
}

export function predictCommand(): Command {
  const command = createVerb({
    name: "predict",
    summary: "Predict the class or the value of new proteins with a fine-tuned model.",
    examples: [
      ["predict runs/finetune --fasta mine.fasta", "id,prediction,probability as CSV, on standard output"],
      ["predict runs/finetune --fasta mine.fasta.gz --out predictions.csv", "the same into a file"],
      ["predict runs/finetune --sequence MKVLAT --sequence P00974 --json", "as JSON"],
    ],
  })
    .argument("<folder>", "the run folder that finetune wrote, or train from a table of labels")
    .option("--out <file>", "a CSV file, which is replaced when it is there (default: standard output)");
  return addEngineOptions(addDtypeOption(addSequenceOptions(command))).action(
    async (path: string, options: PredictVerbOptions) => {
      const { out, json, dtype } = options;
      const { config, tensors, backend } = await openRunModel(path, options);
      requirePredicting(config);
      const vocabulary = vocabularyFrom(config.vocabulary);
      const cut = { count: 0 };
      const found = runSequences({
        config: config.model,
        tensors,
        vocabulary,
        backend,
        dtype,
        sequences: withoutEnds(readSequences(options, vocabulary), config.model.maxSeqLen - 2, cut),
        wrap: "wrapped",
        build: ({ model, tokenIds, form }) => ({ y: logits(model, tokenIds, { form }) }),
        read: ({ y }, row, { id }) => named(id, predictionOf(rowOf(y, row), config.data), config),
      });
      const areClasses = config.classNames.length > 0;
      const header = csvLine(["id", "prediction", ...(areClasses ? ["probability"] : [])]);
      if (json === true || out !== undefined) {
        const predictions: Prediction[] = [];
        for await (const prediction of found) predictions.push(prediction);
        if (out !== undefined) await writeFileAtomically(out, header + predictions.map(toLine).join(""));
        if (json === true) await printJson({ predictions, ...(out !== undefined && { file: out }) });
        else process.stdout.write(`${out ?? ""}\n`);
      } else {
        process.stdout.write(header);
        for await (const prediction of found) process.stdout.write(toLine(prediction));
      }
      if (cut.count > 0) {
        process.stderr.write(
          `${formatCount(cut.count)} ${plural(cut.count, "protein")} longer than maxSeqLen − 2 = ${formatCount(config.model.maxSeqLen - 2)} residues lost their ends, as in training\n`,
        );
      }
    },
  );
}

/** @throws UsageError for models that tell nothing of whole sequences */
function requirePredicting({ data, model }: RunConfig): void {
  if (isPooled(model)) return;
  throw new UsageError(
    `the model must tell a class or a value of whole sequences, got one of task ${data.task}; make one of it with performer finetune`,
  );
}

/** Sequences as in training: longer ones lose their ends. */
async function* withoutEnds(
  sequences: AsyncIterable<InputSequence>,
  longest: number,
  cut: { count: number },
): AsyncGenerator<InputSequence> {
  for await (const sequence of sequences) {
    if (lengthOf(sequence) <= longest) {
      yield sequence;
    } else {
      cut.count += 1;
      const { id, residues, tokenIds } = sequence;
      yield { id, residues: residues.slice(0, longest), tokenIds: tokenIds.subarray(0, longest) };
    }
  }
}

/** @param y `[B, 1, numLabels]` */
function rowOf(y: NdArray | undefined, row: number): Float32Array {
  const width = y?.shape.at(-1) ?? 0;
  return Float32Array.from(y?.data.slice(row * width, (row + 1) * width) ?? [], Number);
}

function named(
  id: string,
  { prediction, probability }: ReturnType<typeof predictionOf>,
  { classNames }: RunConfig,
): Prediction {
  return probability === undefined
    ? { id, prediction }
    : { id, prediction: classNames[prediction] ?? String(prediction), probability };
}

function toLine({ id, prediction, probability }: Prediction): string {
  return csvLine([id, String(prediction), ...(probability === undefined ? [] : [probability.toFixed(4)])]);
}
