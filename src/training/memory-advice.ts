/** Advice on how a run fits into memory: settings that do not change the model, each tried before it is named. */
import { isPooled } from "../model/output.ts";
import { layerMechanisms } from "../model/stacks.ts";
import type { TrainingConfig } from "./config.ts";
import type { BatchShape } from "../data/batch.ts";
import { estimateMemory, type MemoryQuestion } from "./memory.ts";

/** Settings of training that differ from those asked about, and what the run would take with them. */
export interface WayToFit {
  readonly settings: Partial<Pick<TrainingConfig, "gradientCheckpointing" | "segmentLength" | "tokensPerBatch">>;
  readonly totalBytes: number;
}

/** Shorter parts than the chunk of causal attention save nothing. */
const SHORTEST_SEGMENT = 64;

/**
 * Ways in the order of what they cost: blocks a tenth to a quarter of the time, parts a third, smaller batches other
 * gradients.
 *
 * @returns at most one of each kind, only such as are estimated to fit; empty when none does
 */
export function waysToFit(question: MemoryQuestion, limitBytes: number): readonly WayToFit[] {
  const { shapes, evaluationShapes = shapes } = question;
  const inBlocks: WayToFit["settings"] = { gradientCheckpointing: "blocks" };
  // An encoder–decoder goes in one go only.
  const alreadyInBlocks =
    question.training.gradientCheckpointing === "blocks" || question.config.architecture === "encoder-decoder";
  const tokens = Math.max(...shapes.map(({ batchSize, seqLen }) => batchSize * seqLen));
  const longest = Math.max(...[...shapes, ...evaluationShapes].map(({ seqLen }) => seqLen));
  const smaller = halves(2 ** (Math.ceil(Math.log2(tokens)) - 1), longest).map((tokensPerBatch) => ({
    tokensPerBatch,
  }));
  const kinds: readonly (readonly WayToFit["settings"][])[] = [
    alreadyInBlocks ? [] : [inBlocks],
    canBeCut(question) ? segmentLengths(question, longest).map((segmentLength) => ({ segmentLength })) : [],
    alreadyInBlocks ? smaller : smaller.map((settings) => ({ ...inBlocks, ...settings })),
  ];
  return kinds.flatMap((settings) => {
    for (const each of settings) {
      const { totalBytes } = estimateMemory(changed(question, each));
      if (totalBytes <= limitBytes) return [{ settings: each, totalBytes }];
    }
    return [];
  });
}

function canBeCut({ config, form = "fastest" }: MemoryQuestion): boolean {
  const carried = layerMechanisms(config).every(({ recurrent }) => recurrent !== undefined);
  return config.architecture === "decoder" && !isPooled(config) && carried && form !== "parallel";
}

/** Powers of 2 below the longest sequence and the present length of parts, from the longest down. */
function segmentLengths({ training }: MemoryQuestion, longest: number): readonly number[] {
  const below = training.segmentLength === 0 ? longest : Math.min(longest, training.segmentLength);
  return halves(2 ** (Math.ceil(Math.log2(below)) - 1), SHORTEST_SEGMENT);
}

/** A number, its half, and so on, as long as they are not below the least. */
function halves(from: number, least: number): readonly number[] {
  const found: number[] = [];
  for (let each = Math.floor(from); each >= least && each >= 1; each = Math.floor(each / 2)) found.push(each);
  return found;
}

function changed(question: MemoryQuestion, { tokensPerBatch, ...settings }: WayToFit["settings"]): MemoryQuestion {
  const fitted = (shape: BatchShape): BatchShape => ({
    ...shape,
    batchSize: tokensPerBatch === undefined ? shape.batchSize : Math.max(1, Math.floor(tokensPerBatch / shape.seqLen)),
  });
  return {
    ...question,
    training: { ...question.training, ...settings },
    shapes: question.shapes.map(fitted),
    evaluationShapes: (question.evaluationShapes ?? question.shapes).map(fitted),
  };
}
