/** Images of Fashion-MNIST as sequences of pixels, each predicted from those before it. */

import { existsSync } from "node:fs";

import { fashionFolder, loadEmbeddedImages, loadFashionMnist } from "performer-ts/data";
import { languageBatches, modelFor } from "../language-batches.ts";
import { measures, type SubjectMaker } from "../subject.ts";

/** 28 · 28 pixels. */
const PIXELS = 784;

export const fashionSubject: SubjectMaker = async (request, training) => {
  // All 70,000 where a package has installed them, else the 1,200 that come with the library.
  const isInstalled = existsSync(fashionFolder);
  const dataset = await (isInstalled ? loadFashionMnist() : loadEmbeddedImages());
  const { length = PIXELS } = request;
  return {
    title: isInstalled ? "Fashion-MNIST, pixel by pixel" : "1,200 images of Fashion-MNIST, pixel by pixel",
    measure: measures.bitsPerDimension,
    model: { ...modelFor(request.objective), vocabSize: dataset.vocabulary.size, maxSeqLen: length },
    ...languageBatches(dataset, { ...request, length }, training),
  };
};
