/** Protein sequences: reading, encoding, splits, batches, and the baseline to beat. */
export { planEvaluation, planTraining } from "./batches.ts";
export type { TrainingPlan, TrainingPlanOptions } from "./batches.ts";
export type { ByteSource } from "./bytes.ts";
export { DataError } from "./errors.ts";
export type { DataErrorParts } from "./errors.ts";
export { readFasta } from "./fasta.ts";
export type { FastaRecord } from "./fasta.ts";
export { embeddedProteinsUrl, loadEmbeddedProteins, openFile } from "./files.ts";
export { getSplit, loadProteins, splitNames } from "./proteins.ts";
export type { EncodedSequence, LoadProteinsOptions, ProteinDataset, SplitName } from "./proteins.ts";
export { unigramBaseline } from "./unigram.ts";
export type { UnigramBaseline } from "./unigram.ts";
export { letterVocabulary, proteinVocabulary } from "./vocabulary.ts";
export type { SequenceOrigin, Vocabulary } from "./vocabulary.ts";
export type { Batch, BatchOptions, BatchShape } from "./windows.ts";
