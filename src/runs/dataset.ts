/** The sequences of a run: where they come from, and how to tell that they are still the same. */

import { createHash } from "node:crypto";

import {
  DataError,
  imageShapeOf,
  lengthOf,
  splitNames,
  type EncodedSequence,
  type LabelledDataset,
  type SequenceDataset,
  type SplitName,
} from "../data/index.ts";
import { loadImageSource } from "./data/images.ts";
import { loadProteinSource } from "./data/proteins.ts";
import type { DataKind, DataSource, Task } from "./data/source.ts";
import { loadTableSource, type KnownData } from "./data/table.ts";
import { loadTextSource } from "./data/text.ts";
import { wordsOf, type Words } from "./data/words.ts";
import { formatCount, plural } from "../text/numbers.ts";
import type { OnEvent } from "./events.ts";

/** What a model is trained or evaluated on. */
export interface RunDataset extends SequenceDataset {
  readonly kind: DataKind;
  readonly task: Task;
  /** The same sequences with their labels, where the task is to tell these. */
  readonly labelled: LabelledDataset | undefined;
  readonly words: Words;
  /** Lines for people: choices made where the data leave one open, and what was left out. */
  readonly notice?: string;
}

export interface LoadOptions {
  /** The task for data whose source and labels name none. Default: language modelling. */
  readonly unlabelled?: Task;
  /** The vocabulary and classes of a trained model, which the data are then read with. */
  readonly known?: KnownData;
  /** Called with progress events while large files are read. */
  readonly onEvent?: OnEvent | undefined;
}

/**
 * @throws DataError naming file, line and record of what cannot be used; ConfigError for a tokenizer that is not there
 */
export async function loadData(source: DataSource, options: LoadOptions = {}): Promise<RunDataset> {
  const { kind } = source;
  const { dataset, task, notice }: Loaded = await loaders[kind](source, options);
  const isLabelled = task === "classification" || task === "regression";
  const labelled = isLabelled && "classNames" in dataset ? dataset : undefined;
  if (isLabelled && labelled === undefined) {
    throw new DataError({
      who: dataset.name,
      rule: `the data of task '${task}' must have labels`,
      got: `${kind} without any`,
      fix: "give a table with a label column (.csv, .tsv, .jsonl, .parquet), or IDX images with their labels",
    });
  }
  const words = wordsOf(kind, task, dataset.vocabulary);
  return { ...dataset, kind, task, labelled, words, ...(notice !== undefined && { notice }) };
}

interface Loaded {
  readonly dataset: SequenceDataset | LabelledDataset;
  readonly task: Task;
  readonly notice?: string;
}

const loaders = {
  proteins: async (source, options) => ({
    ...(await loadProteinSource(source, options.known?.vocabulary, options.onEvent)),
    task: taskOf(source, options),
  }),
  text: async (source, options) => ({
    dataset: await loadTextSource(source, options.known?.vocabulary),
    task: taskOf(source, options),
  }),
  images: async (source, options) => ({ dataset: await loadImageSource(source), task: taskOf(source, options) }),
  table: (source, { unlabelled = "language-modeling", known }) => loadTableSource(source, unlabelled, known),
} as const satisfies Record<DataKind, (source: DataSource, options: LoadOptions) => Promise<Loaded>>;

function taskOf({ task }: DataSource, { known, unlabelled = "language-modeling" }: LoadOptions): Task {
  return known?.task ?? task ?? unlabelled;
}

/** Data sets of more tokens are hashed a byte a token: four times as fast, which with billions is minutes. */
const LARGEST_WIDE = 2 ** 28;
/** Marks such digests. */
const NARROW_MARK = "bytes:";

/**
 * SHA-256 of all splits, labels and tags included: a run that goes on with other sequences would not be the same run.
 * Sequences of an index are read one by one.
 *
 * @param stored the digest to compare with, which says of what kind the new one must be. Default: the kind for the
 *   data's size
 */
export function digestOf({ splits, labelled }: Pick<RunDataset, "splits" | "labelled">, stored?: string): string {
  const isPacked = splitNames.every((split) => splits[split].every(({ readBytes }) => readBytes !== undefined));
  const isNarrow =
    stored === undefined ? isPacked && countTokens(splits) > LARGEST_WIDE : stored.startsWith(NARROW_MARK);
  const hash = createHash("sha256");
  for (const split of splitNames) {
    hash.update(`${split}\0`);
    for (const sequence of splits[split]) {
      const tokens = isNarrow ? bytesOf(sequence) : sequence.tokenIds;
      hash.update(`${tokens.length}\0`).update(tokens);
      if (sequence.startId !== undefined) hash.update(`tag ${sequence.startId}\0`);
    }
    for (const { label } of labelled?.splits[split] ?? []) hash.update(`${label}\0`);
  }
  return `${isNarrow ? NARROW_MARK : ""}${hash.digest("hex")}`;
}

function bytesOf(sequence: EncodedSequence): Uint8Array {
  return sequence.readBytes?.() ?? Uint8Array.from(sequence.tokenIds);
}

function countTokens(splits: RunDataset["splits"]): number {
  return splitNames.reduce((sum, split) => splits[split].reduce((inner, each) => inner + lengthOf(each), sum), 0);
}

/** What data are counted in: text in its tokens, images as images, everything else as sequences. */
export function sizeOf({ splits, kind, words }: RunDataset, split: SplitName): { count: number; unit: string } {
  if (kind === "text") {
    return { count: splits[split].reduce((sum, each) => sum + lengthOf(each), 0), unit: words.units };
  }
  const count = splits[split].length;
  return { count, unit: kind === "images" ? plural(count, "image") : plural(count, "sequence") };
}

/** "swissprot-families.fasta: 1,787 train, 255 valid, 256 test, 240 ood sequences". */
export function describeData(dataset: RunDataset): string {
  const { name, splits, task, labelled, vocabulary } = dataset;
  const counts = splitNames
    .filter((split) => splits[split].length > 0)
    .map((split) => ({ ...sizeOf(dataset, split), split }));
  const shape = imageShapeOf(vocabulary);
  const facts = [
    `${name}: ${counts.map(({ count, split }) => `${formatCount(count)} ${split}`).join(", ")} ${counts.at(-1)?.unit ?? ""}`,
    shape && `images of ${shape.width} × ${shape.height} × ${shape.channels}`,
    task === "language-modeling" ? undefined : `task ${task}`,
    labelled !== undefined && labelled.numClasses > 0 ? `${formatCount(labelled.numClasses)} classes` : undefined,
  ];
  return facts.filter((fact) => fact !== undefined).join("; ");
}
