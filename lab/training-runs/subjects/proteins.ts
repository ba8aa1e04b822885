/** Proteins: the embedded families, or a FASTA file parted by a hash of its identifiers. */

import { embeddedProteinsUrl, loadProteins, openFile, proteinVocabulary } from "performer-ts/data";
import { languageBatches, modelFor } from "../language-batches.ts";
import { measures, type SubjectMaker } from "../subject.ts";

export const proteinSubject: SubjectMaker = async (request, training) => {
  const isEmbedded = request.data === "proteins";
  const path = isEmbedded ? embeddedProteinsUrl : request.data;
  const dataset = await loadProteins({
    source: openFile(path),
    name: isEmbedded ? "the embedded Swiss-Prot families" : request.data,
    splitBy: isEmbedded ? "header" : "hash",
  });
  // The longest of the embedded sequences has 400 residues.
  const { length = 448 } = request;
  return {
    title: dataset.name,
    measure: measures.perplexity,
    model: { ...modelFor(request.objective), vocabSize: proteinVocabulary.size, maxSeqLen: length },
    ...languageBatches(dataset, { ...request, length }, training),
  };
};
