/** Generation as it comes: streams, streamers, stopping, aborting; what each frees, and trainings that meet. */
import { InterruptableStoppingCriteria, TextStreamer } from "@huggingface/transformers";
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { goldenFolder } from "../../tests/convert/golden.ts";
import { byteVocabulary } from "../data/index.ts";
import type { Backend } from "../runtime/backend.ts";
import type { StreamOptions } from "./generation.ts";
import { PerformerForCausalLM } from "./performer-for-causal-lm.ts";
import { PerformerForSeq2SeqLM } from "./performer-for-seq2seq-lm.ts";

const size = { modelDim: 16, numLayers: 1, numHeads: 2, numFeatures: 7, mlpDim: 23, maxSeqLen: 256, seed: 7 } as const;

/** A backend that counts the graphs that are compiled and not yet freed. */
function countingBackend(): { readonly backend: Backend; readonly open: () => number } {
  const backend = createBackend();
  let open = 0;
  return {
    open: () => open,
    backend: {
      ...backend,
      compile: async (...args) => {
        const executable = await backend.compile(...args);
        open += 1;
        const dispose = async () => {
          open -= 1;
          await executable.dispose();
        };
        return { ...executable, dispose, [Symbol.asyncDispose]: dispose };
      },
    },
  };
}

async function textOf(stream: AsyncIterable<{ readonly text: string }>): Promise<string> {
  let all = "";
  for await (const { text } of stream) all += text;
  return all;
}

const models = {
  proteins: () => PerformerForCausalLM.create(size),
  // Fresh weights draw all bytes alike: most of what comes is no UTF-8.
  bytes: () => PerformerForCausalLM.create({ ...size, vocabulary: byteVocabulary }),
  exact: () => PerformerForCausalLM.create({ ...size, mechanism: "exact" }),
  "gpt2, pretrained": () => PerformerForCausalLM.from_pretrained(goldenFolder("gpt2")),
} as const;

describe.each(Object.entries(models))("a stream of %s", (_, open) => {
  it("is what generate gives, piece by piece", async () => {
    await using model = await open();
    for (const seed of [0, 1, 2]) {
      const options = { max_new_tokens: 23, seed };
      const [generated] = await model.generate("A", options);
      expect(`A${await textOf(model.stream("A", options))}`).toBe(generated?.sequence);
    }
  });

  it("can be two at once, each as it is alone", async () => {
    await using model = await open();
    const read = (seed: number) => textOf(model.stream("A", { max_new_tokens: 9, seed }));
    const alone = [await read(1), await read(2)];
    expect(await Promise.all([read(1), read(2)])).toEqual(alone);
  });
});

it("streams the target of a source", async () => {
  const model = PerformerForSeq2SeqLM.create(size);
  const [target] = await model.generate(["MKV"], { max_new_tokens: 17 });
  expect(await textOf(model.stream("MKV", { max_new_tokens: 17 }))).toBe(target?.sequence);
});

it("returns the sequence with its likelihood when it is read to the end", async () => {
  await using model = models.proteins();
  const stream = model.stream("MK", { max_new_tokens: 5, min_new_tokens: 5 });
  let nats = 0;
  for (;;) {
    const { done, value } = await stream.next();
    if (done === true) {
      expect(value).toMatchObject({ tokens: 5, finished: false });
      expect(value?.logLikelihoodNats).toBeCloseTo(nats, 10);
      return;
    }
    nats += value.logProbabilityNats;
  }
});

describe("what a stream holds", () => {
  const long = { max_new_tokens: 100, min_new_tokens: 100 } satisfies StreamOptions;
  const stop = new Error("enough");
  /** Ways to end a stream at its third token. */
  const endings: Readonly<Record<string, (model: PerformerForCausalLM | PerformerForSeq2SeqLM) => Promise<unknown>>> = {
    "a loop that is left": async (model) => {
      let count = 0;
      for await (const _token of model.stream("MK", long)) if (++count === 3) break;
      throw stop;
    },
    "a loop that throws": async (model) => {
      let count = 0;
      for await (const _token of model.stream("MK", long)) if (++count === 3) throw stop;
    },
    "an abort": async (model) => {
      const controller = new AbortController();
      let count = 0;
      for await (const _token of model.stream("MK", { ...long, signal: controller.signal })) {
        count += 1;
        if (count === 3) controller.abort(stop);
        // It ends within the step that follows.
        expect(count).toBeLessThanOrEqual(3);
      }
    },
    "an abort of generate": async (model) => {
      const controller = new AbortController();
      const options = { ...long, signal: controller.signal, stopping_criteria: () => controller.abort(stop) as never };
      await (model instanceof PerformerForCausalLM ? model.generate("MK", options) : model.generate(["MK"], options));
    },
    "a streamer that throws": async (model) => {
      const put = ([ids = []]: bigint[][]) => {
        // The prompt comes first.
        if (ids.length === 1) throw stop;
      };
      const options = { ...long, streamer: { put, end: () => undefined } };
      await (model instanceof PerformerForCausalLM ? model.generate("MK", options) : model.generate(["MK"], options));
    },
    "a stopping criterion that throws": async (model) => {
      const stopping_criteria = () => {
        throw stop;
      };
      for await (const _token of model.stream("MK", { ...long, stopping_criteria }));
    },
  };

  it.each(Object.entries(endings))("is freed by %s", async (_, end) => {
    const makers = [
      (backend: Backend) => PerformerForCausalLM.create({ ...size, backend }),
      (backend: Backend) => PerformerForSeq2SeqLM.create({ ...size, backend }),
    ];
    for (const make of makers) {
      const { backend, open } = countingBackend();
      const model = make(backend);
      await expect(end(model)).rejects.toBe(stop);
      // The decoder of a language model stays, for the next call; its slot is free.
      const kept = open();
      if (model instanceof PerformerForSeq2SeqLM) expect(kept).toBe(0);
      await textOf(model.stream("MK", { max_new_tokens: 3 }));
      expect(open()).toBe(kept);
      await model[Symbol.asyncDispose]();
      expect(open()).toBe(0);
    }
  });

  it("is made anew after training, and after the model was disposed of", async () => {
    const { backend, open } = countingBackend();
    const model = PerformerForCausalLM.create({ ...size, backend });
    const before = await textOf(model.stream("MK", { max_new_tokens: 30, min_new_tokens: 30 }));
    const kept = open();
    await model.train(["MKVLAT", "MKTAYI"], { steps: 3, warmupSteps: 1, learningRate: 0.05 });
    expect(await textOf(model.stream("MK", { max_new_tokens: 30, min_new_tokens: 30 }))).not.toBe(before);
    expect(open()).toBe(kept);
    await model[Symbol.asyncDispose]();
    expect(open()).toBe(0);
    expect(await textOf(model.stream("MK", { max_new_tokens: 3, min_new_tokens: 3 }))).toHaveLength(3);
    await model[Symbol.asyncDispose]();
  });

  it("is nothing where the signal was aborted before", async () => {
    const { backend, open } = countingBackend();
    const model = PerformerForCausalLM.create({ ...size, backend });
    const signal = AbortSignal.abort(stop);
    await expect(model.generate("MK", { signal })).rejects.toBe(stop);
    await expect(model.generate("MK", { signal, num_return_sequences: 3 })).rejects.toBe(stop);
    expect(open()).toBe(0);
  });
});

describe("with transformers.js", () => {
  it("a TextStreamer gets the tokens, and ends", async () => {
    await using model = await models["gpt2, pretrained"]();
    const tokenizer = {
      all_special_ids: [model.vocabulary.eosId],
      decode: (ids: readonly (number | bigint)[]) => model.vocabulary.decode(ids.map(Number)),
    };
    let text = "";
    const streamer = new TextStreamer(tokenizer as never, {
      skip_prompt: true,
      callback_function: (piece: string) => (text += piece),
    });
    const [generated] = await model.generate("It is", { max_new_tokens: 11, streamer });
    expect(text.trim()).toBe(generated?.sequence.slice("It is".length).trim());
  });

  it("an InterruptableStoppingCriteria ends it in order", async () => {
    await using model = models.proteins();
    const criterion = new InterruptableStoppingCriteria();
    let count = 0;
    const streamer = { put: () => void (++count === 4 && criterion.interrupt()), end: () => undefined };
    const [cut] = await model.generate("MK", {
      max_new_tokens: 50,
      min_new_tokens: 50,
      streamer,
      stopping_criteria: criterion as never,
    });
    // The prompt and three tokens, and the one that was drawn before the criterion was asked again.
    expect(cut).toMatchObject({ tokens: 4, finished: false });
  });
});

it("gives stopping criteria the sequence so far and its logits", async () => {
  await using model = models.proteins();
  const seen: number[][] = [];
  const [found] = await model.generate("MK", {
    max_new_tokens: 9,
    min_new_tokens: 9,
    stopping_criteria: [
      (ids, scores) => {
        expect(scores[0]).toHaveLength(model.config.vocabSize);
        seen.push(...ids);
        return [seen.length === 3];
      },
    ],
  });
  const { bosId } = model.vocabulary;
  expect(found).toMatchObject({ tokens: 3, finished: false });
  expect(seen.at(-1)).toEqual([bosId, ...model.vocabulary.encode(found?.sequence ?? "")]);
});

describe("bad input", () => {
  it.each([
    [{ max_tokens: 3 }, /^stream: 'max_tokens' is not an option; did you mean 'max_new_tokens'\?/],
    [{ signal: "now" }, /^stream: signal must be an AbortSignal, got a string/],
    [{ stopping_criteria: [1] }, /^stream: stopping_criteria must be a function or a list of functions/],
    [{ streamer: {} }, /^stream: 'streamer' is not an option/],
  ])("refuses %j before anything is computed", (options, message) => {
    const model = models.proteins();
    expect(() => model.stream("MK", options as StreamOptions)).toThrow(message);
  });

  it("refuses a streamer that is none, and one for several sequences", async () => {
    const model = models.proteins();
    const streamer = { put: () => undefined, end: () => undefined };
    await expect(model.generate("MK", { streamer: {} as never })).rejects.toThrow(/streamer must have put\(\) and end/);
    await expect(model.generate("MK", { streamer, num_return_sequences: 2 })).rejects.toThrow(
      /streamer must come with one sequence, got num_return_sequences 2/,
    );
    await expect(PerformerForSeq2SeqLM.create(size).generate(["M", "K"], { streamer })).rejects.toThrow(
      /streamer must come with one source, got 2/,
    );
  });
});

describe("two trainings of one model", () => {
  const examples = ["MKVLATTLLAAG", "MKTAYIAKQRQI"];

  it("are refused at the same time, and the first goes on", async () => {
    const model = models.proteins();
    const first = model.train(examples, { steps: 4, warmupSteps: 1 });
    await expect(model.train(examples, { steps: 4, warmupSteps: 1 })).rejects.toMatchObject({
      code: "ERR_BUSY",
      message: expect.stringMatching(
        /^train: a model must be trained by one call at a time, got a second one while the first runs; await the first/,
      ),
    });
    expect(await first).toMatchObject({ step: 4 });
    expect(await model.train(examples, { steps: 2, warmupSteps: 1 })).toMatchObject({ step: 2 });
  });

  it("leave the weights as they were until the first ends, and for good where a callback throws", async () => {
    const model = models.proteins();
    const before = model.toFiles().model;
    const sequence = async () => (await model.generate("MK", { max_new_tokens: 20 }))[0]?.sequence;
    const written = await sequence();
    const training = model.train(examples, {
      steps: 4,
      warmupSteps: 1,
      onStep: ({ step }) => {
        if (step === 3) throw new Error("the disk is full");
      },
    });
    const failing = expect(training).rejects.toThrow("the disk is full");
    expect(await sequence()).toBe(written);
    await failing;
    expect(Buffer.from(model.toFiles().model).equals(Buffer.from(before))).toBe(true);
    await model.train(examples, { steps: 2, warmupSteps: 1 });
    expect(Buffer.from(model.toFiles().model).equals(Buffer.from(before))).toBe(false);
  });
});
