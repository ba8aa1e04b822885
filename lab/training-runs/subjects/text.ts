/** Text as bytes: the embedded novel, or a file. */

import { byteVocabulary, embeddedTextUrl, loadText, openFile } from "performer-ts/data";
import { languageBatches, modelFor } from "../language-batches.ts";
import { measures, type SubjectMaker } from "../subject.ts";

export const textSubject: SubjectMaker = async (request, training) => {
  const isEmbedded = request.data === "pride-and-prejudice";
  const source = openFile(isEmbedded ? embeddedTextUrl : request.data);
  const name = isEmbedded ? "Pride and Prejudice" : request.data;
  const dataset = await loadText({ sources: [{ name, source }], vocabulary: byteVocabulary });
  const { length = 512 } = request;
  return {
    title: `${name}, byte by byte`,
    measure: measures.natsPerByte,
    model: { ...modelFor(request.objective), vocabSize: byteVocabulary.size, maxSeqLen: length },
    ...languageBatches(dataset, { ...request, length }, training),
  };
};
