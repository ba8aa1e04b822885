/** Every error that callers meet is of the one family, and says all its parts. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { errorCodes, PerformerError, ndarray } from "../src/graph/index.ts";
import * as root from "../src/index.ts";
import { defineClaim } from "../src/lab/index.ts";
import { add, concat, cumsum, exp, input, scalar, slice, sum } from "../src/ops/index.ts";
import { createMechanism } from "../src/attention/index.ts";
import { fillNormal, createRandom } from "../src/random/index.ts";
import { trainingConfig } from "../src/training/index.ts";
import { modelConfig } from "../src/model/index.ts";
import { loadLabelled } from "../src/data/index.ts";
import { quantile } from "../src/statistics/index.ts";

const folder = new URL("../", import.meta.url);

it("documents every code, in the words of the table", () => {
  const text = readFileSync(new URL("docs/errors.md", folder), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `ERR_"));
  expect(
    rows.map((row) =>
      row
        .split("|")
        .slice(1, 3)
        .map((cell) => cell.trim().replaceAll("`", "")),
    ),
  ).toEqual(Object.entries(errorCodes));
});

/** What throws errors of JavaScript itself, and why no caller meets them as they are. */
const internal: Readonly<Record<string, string>> = {
  "src/ops/": "rules of ops: defineOp gives them the op, its inputs and its place",
  "src/onnx/": "a graph that cannot be written, which building it has excluded",
  "src/text/table.ts": "rows that this package has made",
  "src/training/optimizer.ts": "arrays that the trainer has made",
  "src/training/distill-graphs.ts": "layers that the graph has",
  "src/model/stacks.ts": "layers that the configuration has",
  "src/convert/calibrate.ts": "weights that checkTensors has seen",
  "src/convert/conversion-report.ts": "heads that the configuration has",
  "src/tasks/push/hub-upload.ts": "an answer that breaks the hub's protocol",
  "src/bench/": "graphs that the benchmark has made",
  "src/cli/output/json.ts": "results of tasks are JSON",
  "src/inference/observe-diagnosis.ts": "layers that the configuration has",
  "src/kernels/log-features.ts": "results that the graph has",
  "src/runs/finetune/prepare.ts": "data that the loader has labelled",
  "lab/long-proteins/run.ts": "sizes that the claim has",
  "lab/backward-compatibility/transfer.ts": "models that the claim has trained",
  "lab/error-propagation/": "tensors and batches that the claim has made",
  "src/storage/": "caught where the file is named",
  "src/data/bytes.ts": "caught where the file is named",
};

it("throws no error of JavaScript's own to callers", () => {
  const names = ["src", "lab"]
    .flatMap((top) =>
      readdirSync(new URL(top, folder), { recursive: true, encoding: "utf8" }).map((name) => `${top}/${name}`),
    )
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".ts") && !name.includes(".test."));
  const throwing = names.filter((name) =>
    /throw new (?:Range|Type|Syntax)?Error\(/.test(readFileSync(new URL(name, folder), "utf8")),
  );
  expect(throwing.filter((name) => !Object.keys(internal).some((prefix) => name.startsWith(prefix)))).toEqual([]);
});

const wrong = (value: unknown) => value as never;
const arrays = { q: [[1]], k: [[1]], v: [[1]] };
const model = () => root.PerformerForCausalLM.create({ modelDim: 8, numHeads: 1, numLayers: 1, maxSeqLen: 16 });

/** A wrong name and a wrong type for each public function that takes options. */
const calls: Readonly<Record<string, () => unknown>> = {
  "favorAttention, name": () => root.favorAttention(arrays, wrong({ numFeature: 2 })),
  "favorAttention, type": () => root.favorAttention(arrays, wrong({ numHeads: "2" })),
  "attention, name": () => root.attention(arrays, wrong({ mechanism: { name: "local", windw: 2 } })),
  "attention, type": () => root.attention(wrong({ q: 1, k: 1, v: 1 })),
  "attentionGradients, name": () =>
    root.attentionGradients(wrong({ ...arrays, dOut: [[1]] }), wrong({ segmentlength: 2 })),
  "diagnose, name": () => root.diagnose(arrays, wrong({ wantedErr: 2 })),
  "diagnose, type": () => root.diagnose(arrays, wrong({ numHeads: 0.5 })),
  "createMechanism, name": () => createMechanism(wrong("locl")),
  "gradients, type": () => root.gradients(wrong({ shape: [2] }), []),
  "gradients, type of wrt": () => root.gradients(scalar(1), wrong(scalar(1))),
  "compile, name": () => root.compile(() => ({ y: scalar(1) }), {}, wrong({ backends: 1 })),
  "compile, type": () => root.compile(wrong("y"), {}),
  "sum, type": () => sum(scalar(1), { axes: [1] }),
  "cumsum, type": () => cumsum(scalar(1), wrong("0")),
  "slice, type": () => slice(input("x", [2, 3]), 2, 0, 1),
  "concat, type": () => concat([], 0),
  "exp, type": () => exp(wrong("x")),
  "add, type": () => add(scalar(1), wrong(undefined)),
  "convertPretrained, type": () => root.convertPretrained(wrong("bert"), { mechanism: "favor", seed: 0 }),
  "convertPretrained, name": () => root.convertPretrained(wrong({ config: {}, tensors: {} }), wrong({ mechanim: 1 })),
  "distillModel, name": () => root.distillModel(wrong({ teachers: 1 })),
  "distillModel, type": () => root.distillModel(wrong({ teacher: "bert" })),
  "exportOnnx, type": () => root.exportOnnx(wrong("bert")),
  "exportOnnx, name": () => root.exportOnnx(wrong({ config: {}, tensors: {} }), wrong({ dtyp: "q8" })),
  "embedTexts, type": () => root.embedTexts(wrong({}), wrong("one text"), wrong({})),
  "loadPretrained, type of name": () => root.loadPretrained(wrong(7)),
  "defineClaim, type": () => defineClaim(wrong({ claim: "All Of It", title: "x" })),
  "createBackend, name": () => root.createBackend(wrong({ device: "gpu" })),
  "create, name": () => root.PerformerForCausalLM.create(wrong({ modeldim: 8 })),
  "create, type": () => root.PerformerForCausalLM.create({ modelDim: wrong("8") }),
  "train, name": () => model().train(["MKV"], wrong({ step: 8 })),
  "train, type": () => model().train(wrong("MKV"), { steps: 1 }),
  "generate, name": () => model().generate("MKV", wrong({ max_token: 8 })),
  "generate, type": () => model().generate("MKV", { max_new_tokens: wrong("8") }),
  "stream, name": () => model().stream("MKV", wrong({ max_token: 8 })),
  "score, type": () => model().score(wrong("MKV")),
  "embed, name": () => model().embed(["MKV"], wrong({ pool: "mean" })),
  "from_pretrained, type": () => root.PerformerForCausalLM.from_pretrained("no/such/folder"),
  "loadPretrained, type": () => root.loadPretrained("no/such/folder"),
  "modelConfig, name": () => modelConfig(wrong({ vocabSize: 29, modeldim: 8 })),
  "trainingConfig, type": () => trainingConfig({ steps: wrong("8") }),
  "loadLabelled, type": () => loadLabelled({ source: "none.csv", vocabulary: root.byteVocabulary }),
  "encode, type": () => root.proteinVocabulary.encode("mk"),
  "ndarray, type": () => ndarray(new Float32Array(2), [3]),
  "quantile, type": () => quantile([1], 2),
  "random, type": () => fillNormal(createRandom(Number.NaN), new Float32Array(1)),
};

it.each([
  ["no/such/folder", "ERR_NOT_FOUND"],
  ["package.json", "ERR_STORAGE"],
] as const)("from_pretrained(%j) says by its code what is wrong: %s", async (from, code) => {
  await expect(root.PerformerForCausalLM.from_pretrained(from)).rejects.toMatchObject({ code });
});

it("says by its code that data are not there", async () => {
  const missing = loadLabelled({ source: "none.csv", vocabulary: root.byteVocabulary });
  await expect(missing).rejects.toMatchObject({ name: "DataError", code: "ERR_NOT_FOUND" });
});

describe("a call with a wrong option", () => {
  it.each(Object.entries(calls))("%s, says code, who, rule and fix", async (_, call) => {
    const error: unknown = await Promise.resolve()
      .then(call)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    expect(error).toBeInstanceOf(PerformerError);
    const { code, who, rule, fix, got } = error as PerformerError;
    expect(Object.keys(errorCodes)).toContain(code);
    expect(who, String(error)).not.toBe("");
    expect(rule).not.toBe("");
    expect(fix, String(error)).toBeTypeOf("string");
    if (code !== "ERR_UNKNOWN_OPTION") expect(got ?? rule, String(error)).not.toBe("");
  });
});
