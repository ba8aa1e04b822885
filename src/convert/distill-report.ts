/** How near a student's vectors are to its teacher's, and whether they find texts as well. */
import { cosine, measureRetrieval, type RetrievalFigures } from "../inference/retrieval.ts";
import type { Backend } from "../runtime/backend.ts";
import { mean } from "../statistics/index.ts";
import type { DistillTexts } from "./distill-texts.ts";
import { embedTexts } from "./embed-texts.ts";
import type { PretrainedModel } from "./pretrained-model.ts";

/** Vectors of first sentences, and of what follows them. */
export interface PairVectors {
  readonly queries: readonly ArrayLike<number>[];
  readonly documents: readonly ArrayLike<number>[];
}

export interface VectorFigures {
  /** The mean cosine between the student's and the teacher's vectors, over queries and documents. */
  readonly meanCosine: number;
  readonly leastCosine: number;
  /** Retrieval: first sentences of paragraphs search for the text that follows them. */
  readonly retrieval: RetrievalFigures;
}

/** Texts between two calls of `onTexts`. */
const AT_ONCE = 64;

/** @param onTexts told how many texts are done, two a pair */
export async function embedPairs(
  model: PretrainedModel,
  pairs: DistillTexts["pairs"],
  backend: Backend,
  onTexts: (done: number) => void = () => undefined,
): Promise<PairVectors> {
  const texts = [...pairs.map(({ query }) => query), ...pairs.map(({ document }) => document)];
  const vectors: Float32Array[] = [];
  for (let first = 0; first < texts.length; first += AT_ONCE) {
    for (const { data } of await embedTexts(model, texts.slice(first, first + AT_ONCE), { backend }))
      vectors.push(data);
    onTexts(vectors.length);
  }
  return { queries: vectors.slice(0, pairs.length), documents: vectors.slice(pairs.length) };
}

/** @param teacher of the same pairs */
export function comparePairVectors(student: PairVectors, teacher: PairVectors): VectorFigures {
  const all = ({ queries, documents }: PairVectors) => [...queries, ...documents];
  const wanted = all(teacher);
  const cosines = all(student).map((vector, index) => cosine(vector, wanted[index] ?? []));
  return {
    meanCosine: mean(cosines),
    leastCosine: cosines.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY),
    retrieval: measureRetrieval(student.queries, student.documents),
  };
}
