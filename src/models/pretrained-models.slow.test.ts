/**
 * Pretrained models through the ready classes: the same numbers as by the functions that take them, saved and loaded
 * again.
 */
import { createServer } from "node:http";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBackend } from "#engine";
import { goldenFiles, goldenFolder, loadGolden, readGolden } from "../../tests/convert/golden.ts";
import { present } from "../../tests/model/harness.ts";
import { convertedFiles, convertPretrained, embedTexts, loadPretrained, openSource } from "../convert/index.ts";
import { generate, scoreSequences, type SequenceScore } from "../inference/index.ts";
import { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
import { PerformerForMaskedLM } from "./performer-for-masked-lm.ts";
import { PerformerForSequenceClassification } from "./performer-for-sequence-classification.ts";
import { PerformerForTokenClassification } from "./performer-for-token-classification.ts";
import { readingOf } from "./pretrained-reading.ts";

const backend = createBackend();
const masked = ["bert-bf16-shards", "distilbert", "roberta", "esm"] as const;
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "performer-pretrained-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function all(scores: AsyncIterable<SequenceScore>): Promise<readonly SequenceScore[]> {
  const found: SequenceScore[] = [];
  for await (const score of scores) found.push(score);
  return found;
}

describe.each(masked)("PerformerForMaskedLM of %s", (name) => {
  it("embeds as embedTexts", async () => {
    const { texts } = await readGolden(name);
    const model = await PerformerForMaskedLM.from_pretrained(goldenFolder(name));
    expect(await model.embed(texts)).toEqual(await embedTexts(await loadGolden(name), texts, { backend }));
  });

  it("scores the tokens between those that the tokenizer puts around them", async () => {
    const { texts, inputIds } = await readGolden(name);
    const { config, tensors, vocabulary } = await loadGolden(name);
    const model = await PerformerForMaskedLM.from_pretrained(goldenFolder(name));
    expect(inputIds[0]?.[0]).toBe(model.vocabulary.bosId);
    expect(inputIds[0]?.at(-1)).toBe(model.vocabulary.eosId);
    const sequences = inputIds.map((ids, index) => ({
      id: `sequence ${index + 1}`,
      tokenIds: Int32Array.from(ids.slice(1, -1)),
    }));
    const expected = await all(scoreSequences({ config, tensors, vocabulary, backend, sequences }));
    expect(await model.score(texts)).toEqual(expected);
  });

  it("fills masks as the original's logits say", async () => {
    const { texts, inputIds, logits: [expected] = [] } = await readGolden(name);
    const { row, place, values } = present(expected);
    const model = await PerformerForMaskedLM.from_pretrained(goldenFolder(name));
    const [first] = await model.fill_mask(present(texts[row]), { top_k: 1 });
    const ordinary = [...values.keys()].filter((id) => model.vocabulary.isResidue(id));
    const best = ordinary.reduce((most, id) => ((values[id] ?? 0) > (values[most] ?? 0) ? id : most));
    // A special token stands in front.
    expect(first).toMatchObject({ position: place - 1, tokens: [{ token: best }] });
    expect(inputIds[row]?.[place]).toBe(model.vocabulary.maskId);
  });

  it("learns, and is the same after it was saved and loaded", async () => {
    const { texts } = await readGolden(name);
    const model = await PerformerForMaskedLM.from_pretrained(goldenFolder(name));
    const before = await model.evaluate(texts);
    // Of so few tokens the loss goes up before it comes down.
    await model.train(texts, { steps: 150, warmupSteps: 2, learningRate: 0.01, tokensPerBatch: 128 });
    const after = await model.evaluate(texts);
    expect(after.lossNats).toBeLessThan(before.lossNats);
    const place = join(folder, name);
    await model.save_pretrained(place);
    const again = await PerformerForMaskedLM.from_pretrained(place);
    expect(await again.evaluate(texts)).toEqual(after);
    expect(await again.embed(texts)).toEqual(await model.embed(texts));
    const { config, model: weights, others } = model.toFiles();
    const files = { "config.json": config, "model.safetensors": weights, ...others };
    expect((await readdir(place)).toSorted()).toEqual(Object.keys(files).toSorted());
    expect(await (await PerformerForMaskedLM.from_pretrained(files)).evaluate(texts)).toEqual(after);
    expect(() => PerformerForMaskedLM.fromFiles(model.toFiles())).toThrow(/^config\.json: .*; use from_pretrained\(/);
  });
});

describe("PerformerForCausalLM of gpt2", () => {
  const load = () => PerformerForCausalLM.from_pretrained(goldenFolder("gpt2"));

  it("generates, scores and embeds as the functions", async () => {
    const { texts } = await readGolden("gpt2");
    const model = await load();
    const { config, tensors, vocabulary } = await loadGolden("gpt2");
    const given = { config, tensors, vocabulary, backend };
    const options = { prompt: "a man", maxNewTokens: 8, temperature: 0 };
    expect(await model.generate("a man", { max_new_tokens: 8, temperature: 0 })).toEqual(
      await generate({ ...given, ...options }),
    );
    const sequences = texts.map((text, index) => ({ id: `sequence ${index + 1}`, tokenIds: vocabulary.encode(text) }));
    expect(await model.score(texts)).toEqual(await all(scoreSequences({ ...given, sequences })));
    expect(await model.embed(texts)).toEqual(await embedTexts(await loadGolden("gpt2"), texts, { backend }));
  });

  it("learns, and is the same after it was saved and loaded", async () => {
    const { texts } = await readGolden("gpt2");
    const model = await load();
    const before = await model.evaluate(texts);
    await model.train(texts, { steps: 20, warmupSteps: 2, learningRate: 0.01, tokensPerBatch: 128 });
    const after = await model.evaluate(texts);
    expect(after.lossNats).toBeLessThan(before.lossNats);
    await model.save_pretrained(join(folder, "gpt2"));
    expect(await (await PerformerForCausalLM.from_pretrained(join(folder, "gpt2"))).evaluate(texts)).toEqual(after);
  });
});

describe("a new output layer on bert", () => {
  const examples = [
    { sequence: "a man is eating bread", label: 0 },
    { sequence: "The woman eats!", label: 1 },
  ];

  it("learns classes, whose names are saved", async () => {
    const told: string[] = [];
    const model = await PerformerForSequenceClassification.from_pretrained(goldenFolder("bert"), {
      classNames: ["man", "woman"],
      onNotice: (notice) => void told.push(notice),
      backend,
    });
    expect(told).toHaveLength(1);
    await model.train(examples, { steps: 40, warmupSteps: 2, learningRate: 0.01, tokensPerBatch: 64 });
    const texts = examples.map(({ sequence }) => sequence);
    const found = await model.predict(texts);
    expect(found.map(({ label }) => label)).toEqual([0, 1]);
    const place = join(folder, "classes");
    await model.save_pretrained(place);
    const again = await PerformerForSequenceClassification.from_pretrained(place);
    expect(again.classNames).toEqual(["man", "woman"]);
    expect(await again.predict(texts)).toEqual(found);
    expect((await loadPretrained(place)).config.head).toBe("sequence-classification");
  });

  it("tags the tokens of its own tokenizer", async () => {
    const model = await PerformerForTokenClassification.from_pretrained(goldenFolder("bert"), { numLabels: 2 });
    const [found] = await model.predict(["a man is eating bread"]);
    expect(found).toHaveLength(model.vocabulary.encode("a man is eating bread").length);
  });
});

describe("a model lies", () => {
  const texts = ["a man is eating bread"];
  let expected: unknown;
  beforeAll(async () => {
    expected = await (await PerformerForMaskedLM.from_pretrained(goldenFolder("roberta"))).embed(texts);
  });

  it("in files by their paths, as blobs too, and as chosen in a page", async () => {
    const files = await goldenFiles("roberta");
    expect(await (await PerformerForMaskedLM.from_pretrained(files)).embed(texts)).toEqual(expected);
    const blobs = Object.entries(files).map(([path, bytes]) => [path, new Blob([bytes.slice()])] as const);
    expect(await (await PerformerForMaskedLM.from_pretrained(Object.fromEntries(blobs))).embed(texts)).toEqual(
      expected,
    );
    const chosen = Object.entries(files).map(([path, bytes]) =>
      Object.defineProperty(new File([bytes.slice()], path), "webkitRelativePath", { value: `roberta/${path}` }),
    );
    expect(await (await PerformerForMaskedLM.from_pretrained(chosen)).embed(texts)).toEqual(expected);
    expect((await loadPretrained(chosen)).tensors).toEqual((await loadGolden("roberta")).tensors);
  });

  it("on a server", async () => {
    const files = await goldenFiles("roberta");
    const asked: string[] = [];
    const server = createServer(({ url = "" }, response) => {
      asked.push(url);
      const [, name = ""] = /^\/models\/roberta\/([^?]+)\?key=1$/.exec(url) ?? [];
      const bytes = files[name];
      // As servers of applications do, a page for what is not there.
      if (bytes === undefined) response.writeHead(200, { "content-type": "text/html" }).end("<html></html>");
      else response.writeHead(200, { "content-type": "application/octet-stream" }).end(bytes);
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo; // it listens
    try {
      const address = `http://127.0.0.1:${port}/models/roberta?key=1`;
      let last = 0;
      const onDownload = ({ doneBytes, sizeBytes }: { doneBytes: number; sizeBytes: number }) => {
        last = doneBytes / sizeBytes;
      };
      const model = await PerformerForMaskedLM.from_pretrained(address, { onDownload });
      expect(await model.embed(texts)).toEqual(expected);
      expect(last).toBe(1);
      expect((await loadPretrained(address)).tensors).toEqual((await loadGolden("roberta")).tensors);
      await expect(PerformerForMaskedLM.from_pretrained(`http://127.0.0.1:${port}/other/`)).rejects.toThrow(
        /other\/config\.json: not found/,
      );
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
    await expect(PerformerForMaskedLM.from_pretrained(`http://127.0.0.1:${port}/`)).rejects.toThrow(
      /modules\.json: the server must answer, got /,
    );
  });

  it("converted, with another mechanism", async () => {
    const source = await openSource(goldenFolder("roberta"));
    const converted = convertPretrained(await loadPretrained(source), { mechanism: "favor", numFeatures: 16, seed: 0 });
    const model = await PerformerForMaskedLM.from_pretrained(await convertedFiles(converted, source));
    expect(model.config.mechanism).toBe("favor");
    expect(await model.embed(texts)).toEqual(await embedTexts(converted, texts, { backend }));
  });
});

describe("refusals", () => {
  it("of a mask in the text that the tokenizer does not read as one", async () => {
    const source = await openSource(goldenFolder("bert-bf16-shards"));
    const loaded = await loadPretrained(source);
    const reading = await readingOf(loaded, source);
    const encode: typeof reading.encode = (text, ...rest) => reading.encode(text.toLowerCase(), ...rest);
    const { config, tensors, vocabulary } = loaded;
    const model = new PerformerForMaskedLM({
      config,
      tensors,
      vocabulary,
      seed: 0,
      pretrained: { ...reading, encode },
    });
    const mask = vocabulary.tokens[vocabulary.maskId] ?? "";
    await expect(model.fill_mask(`a ${mask} b`)).rejects.toThrow(
      /^fill_mask: the model's tokenizer must read each mask of the text as its own token, got .*; hide tokens with positions instead/,
    );
    expect(await model.fill_mask("a b", { positions: [0] })).toHaveLength(1);
  });

  it.each([
    [
      "a body",
      () => PerformerForMaskedLM.from_pretrained(goldenFolder("bert")),
      /got 'encoder' with head 'none'; use loadPretrained and embedTexts$/,
    ],
    [
      "a decoder",
      () => PerformerForMaskedLM.from_pretrained(goldenFolder("gpt2")),
      /got 'decoder' .*; use PerformerForCausalLM$/,
    ],
    [
      "an encoder",
      () => PerformerForCausalLM.from_pretrained(goldenFolder("esm")),
      /got 'encoder' .*; use PerformerForMaskedLM$/,
    ],
    [
      "images",
      () => PerformerForSequenceClassification.from_pretrained(goldenFolder("vit"), { numLabels: 2 }),
      /PerformerForSequenceClassification must have a model of texts or proteins, got .*vit, which reads images; use loadPretrained and embedImages$/,
    ],
    [
      "padding that is an end",
      () => PerformerForSequenceClassification.from_pretrained(goldenFolder("gpt2"), { numLabels: 2 }),
      /must have a tokenizer with a token for padding alone, got .*gpt2, whose padding would be its begin or end; use an encoder/,
    ],
    [
      "another vocabulary",
      async () => {
        const { vocabulary } = await loadGolden("esm");
        return PerformerForMaskedLM.from_pretrained(goldenFolder("esm"), { vocabulary });
      },
      /vocabulary must come with a model that was trained here, got .*esm, which has its own tokenizer; leave it out$/,
    ],
    ["nothing", () => PerformerForMaskedLM.from_pretrained({}), /^the given files\/config\.json: not found \(/],
    [
      "no place",
      () => PerformerForMaskedLM.from_pretrained(undefined as never),
      /a model must be named by a folder, .* got nothing; /,
    ],
    [
      "a trained model, as a pretrained one",
      () => {
        const { config, model } = PerformerForMaskedLM.create({ modelDim: 4, numHeads: 1, numLayers: 1 }).toFiles();
        return loadPretrained({ "config.json": config, "model.safetensors": model });
      },
      /config\.json: the model must be a pretrained or a converted one, got .*; use PerformerForMaskedLM\.from_pretrained/,
    ],
  ])("of %s", async (_name, load, message) => {
    await expect(load()).rejects.toThrow(message);
  });
});
