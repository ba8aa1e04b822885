/**
 * Data for training: proteins, text, images, labelled sequences; vocabularies, splits, batches, and the baseline to
 * beat.
 */
export type { Batch, BatchShape, BatchSource, PlannedBatch } from "./batch.ts";
export { planEvaluation, planTraining, streamEvaluation } from "./batches.ts";
export type { TrainingPlan, TrainingPlanOptions } from "./batches.ts";
export type { ByteSource } from "./bytes.ts";
export type { Concatenation } from "./concatenated.ts";
export { tagKinds, withTags } from "./conditioning.ts";
export type { TagKind, TagOptions } from "./conditioning.ts";
export { getSplit, lengthOf, readTokens, splitNames, startOf } from "./datasets.ts";
export type { EncodedSequence, SequenceDataset, SplitName, Splits } from "./datasets.ts";
export { DataError } from "./errors.ts";
export { readFasta } from "./fasta.ts";
export type { FastaRecord } from "./fasta.ts";
export { embeddedProteinsUrl, loadEmbeddedProteins, openFile, openFolder } from "./files.ts";
export type { PackagedOptions } from "./files.ts";
export { indexFasta } from "./files-fasta-index.ts";
export type { FastaIndex, FastaIndexOptions } from "./files-fasta-index.ts";
export {
  fashionClasses,
  fashionFolder,
  loadEmbeddedImages,
  loadFashionMnist,
  loadImageFolder,
} from "./files-images.ts";
export type { IdxImageOptions } from "./files-images.ts";
export { loadSpamAssassin, lraTasks } from "./files-lra.ts";
export type { LraOptions, LraTask } from "./files-lra.ts";
export { loadIndexedProteins } from "./files-proteins.ts";
export type { IndexedProteinOptions, IndexedProteins } from "./files-proteins.ts";
export { embeddedTextUrl, embeddedTextUrls, loadEmbeddedText, loadTextFolder, readTexts } from "./files-text.ts";
export type { EmbeddedTextName, NamedText, TextOptions } from "./files-text.ts";
export { decodeImage, encodePngImage } from "./images/codecs.ts";
export { loadIdxImages, loadImages } from "./images/datasets.ts";
export type {
  IdxPair,
  ImageDataset,
  ImageSource,
  LabelledImageDataset,
  LoadIdxOptions,
  LoadImagesOptions,
} from "./images/datasets.ts";
export { bitsPerDimension, toImage } from "./images/pixels.ts";
export type { PixelImage } from "./images/pixels.ts";
export {
  planLabelledEvaluation,
  planLabelledTraining,
  planTaggedEvaluation,
  planTaggedTraining,
} from "./labelled/batches.ts";
export type { LabelledBatchOptions, Seeded } from "./labelled/batches.ts";
export type { ColumnOptions } from "./labelled/columns.ts";
export { loadLabelled, loadTagged } from "./labelled/datasets.ts";
export type { LoadLabelledOptions, TableDatasetOptions } from "./labelled/datasets.ts";
export type { TableFormat, TableSource } from "./labelled/tables.ts";
export type { LabelledDataset, LabelledSequence, LabelTask, TaggedDataset, TaggedSequence } from "./labelled/types.ts";
export type { GeneratorOptions, SplitSizes } from "./lra/balanced.ts";
export { generateListOps, listOpsVocabulary } from "./lra/listops.ts";
export type { ListOpsOptions } from "./lra/listops.ts";
export { generatePathfinder } from "./lra/pathfinder.ts";
export type { PathfinderOptions } from "./lra/pathfinder.ts";
export { generateRetrieval } from "./lra/retrieval.ts";
export type { RetrievalOptions } from "./lra/retrieval.ts";
export { takeBalanced } from "./lra/subset.ts";
export { behindMask, planMaskedEvaluation, planMaskedTraining, streamMaskedEvaluation } from "./masked.ts";
export type { MaskedBatchOptions } from "./masked.ts";
export type { MaskingOptions } from "./masks.ts";
export type { PackedRecords, RecordTable } from "./packed.ts";
export type { LengthLimits, PackedDataset } from "./packed-dataset.ts";
export type { EvaluationPlan, PackingOptions, Plan } from "./packing.ts";
export { proteinSplitRules, readFamilies } from "./protein-splits.ts";
export type { Families, ProteinSplitOptions, ProteinSplitRule } from "./protein-splits.ts";
export { loadProteins } from "./proteins.ts";
export type { LoadProteinsOptions, ProteinDataset } from "./proteins.ts";
export { samplingRules } from "./sampling.ts";
export type { SequenceSampling } from "./sampling.ts";
export { clusterSimilar } from "./similarity.ts";
export type { NumberedSequences } from "./similarity.ts";
export type { TagDropout } from "./tag-dropout.ts";
export { loadText } from "./text.ts";
export type { LoadTextOptions, SplitShares, TextSource } from "./text.ts";
export { unigramBaseline } from "./unigram.ts";
export type { UnigramBaseline } from "./unigram.ts";
export { parseUniProtHeader } from "./uniprot.ts";
export type { UniProtHeader } from "./uniprot.ts";
export { byteVocabulary, encodeBytes } from "./vocabularies/bytes.ts";
export { characterVocabulary } from "./vocabularies/characters.ts";
export { vocabularyFrom, vocabularyKinds } from "./vocabularies/description.ts";
export { encodePixels, imageShapeOf, imageVocabulary, pixelVocabulary } from "./vocabularies/pixels.ts";
export type { ImageShape } from "./vocabularies/pixels.ts";
export { tagId, tagIds } from "./vocabularies/tags.ts";
export { tokenizerVocabulary } from "./vocabularies/tokenizer.ts";
export type { TokenizerOptions } from "./vocabularies/tokenizer.ts";
export { wordVocabulary } from "./vocabularies/words.ts";
export { letterVocabulary, proteinVocabulary, standardResidues } from "./vocabularies/letters.ts";
export type { LetterOptions } from "./vocabularies/letters.ts";
export type { SequenceOrigin, Vocabulary, VocabularyDescription } from "./vocabulary.ts";
export type { BatchOptions } from "./windows.ts";
export type { WrappedOptions } from "./wrapped.ts";
