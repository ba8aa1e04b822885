/** Sequences with something to be told about each of them, or about each of their tokens. */
import type { EncodedSequence, SequenceDataset } from "../datasets.ts";

/** The kind of a label: one of several classes, or a number. */
export type LabelTask = "classification" | "regression";

/** A sequence with its label. */
export interface LabelledSequence extends EncodedSequence {
  /** Classification: the class's id, from 0. Regression: the value. */
  readonly label: number;
}

/** A data set of sequences with labels. */
export interface LabelledDataset extends SequenceDataset<LabelledSequence> {
  readonly task: LabelTask;
  /** The classes' names by id; empty in regression. */
  readonly classNames: readonly string[];
  /** The number of classes; 0 in regression. */
  readonly numClasses: number;
}

/** A sequence with a class for each token. */
export interface TaggedSequence extends EncodedSequence {
  /** The classes' ids, as long as tokenIds; −1 where there is none to be told. */
  readonly tagIds: Int32Array;
}

/** A data set of sequences with a class for each token. */
export interface TaggedDataset extends SequenceDataset<TaggedSequence> {
  readonly task: "tagging";
  /** The classes' names by id. */
  readonly classNames: readonly string[];
  readonly numClasses: number;
}
