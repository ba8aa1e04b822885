/**
 * Pretrained models of images by `performer embed`: files and folders as vectors, another attention, and what is
 * refused.
 */

import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runVerb } from "../../tests/cli/run-verb.ts";
import { goldenFolder } from "../../tests/convert/golden.ts";
import { goldenOf } from "../../tests/convert/vit.ts";
import { createWorkplace, oneThread, parseOnly, type Finished } from "../../tests/e2e/cli.ts";
import { convertCommand } from "./convert.ts";
import { embedCommand } from "./embed.ts";
import { trainCommand } from "./train.ts";

const place = createWorkplace();
const vit = goldenFolder("vit");

interface Document {
  readonly embeddings: readonly { readonly id: string; readonly embedding: readonly number[] }[];
}

const verbs = { embed: embedCommand, convert: convertCommand, train: trainCommand } as const;
type VerbName = keyof typeof verbs;

async function succeed(verb: VerbName, ...args: readonly string[]): Promise<Finished> {
  const finished = await runVerb(place.folder, verbs[verb](), ...args, ...oneThread);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

const documentOf = async (...args: readonly string[]) =>
  parseOnly((await succeed("embed", ...args, "--json")).stdout) as Document;

beforeAll(() => {
  mkdirSync(place.path("pictures"));
  for (const name of ["image-1.png", "image-2.png"]) cpSync(`${vit}/${name}`, place.path("pictures", name));
  place.write("pictures/notes.md", "no picture");
});
afterAll(() => place[Symbol.dispose]());

describe("embed with a model of images", () => {
  it("gives each file the original's state of the vector in front, under the file's name", async () => {
    const { shape, lastHiddenState } = await goldenOf("vit");
    const [, places, width] = shape;
    const single = ["--image", "pictures/image-1.png", "--image", "pictures/image-2.png"];
    const { embeddings } = await documentOf(vit, ...single);
    expect(embeddings.map(({ id }) => id)).toEqual(["image-1.png", "image-2.png"]);
    for (const [row, { embedding }] of embeddings.entries()) {
      expect(embedding).toHaveLength(width);
      embedding.forEach((value, column) =>
        expect(value).toBeCloseTo(lastHiddenState[row * places * width + column] ?? Number.NaN, 4),
      );
    }
    expect(await documentOf(vit, "--images", "pictures")).toEqual({ embeddings });
  });

  it("writes files, a vector a square too, and counts images and squares", async () => {
    const { stdout } = await succeed(
      "embed",
      vit,
      "--images",
      "pictures",
      "--pooling",
      "residues",
      "--out",
      "v.jsonl",
      "--json",
    );
    expect(parseOnly(stdout)).toMatchObject({ files: ["v.jsonl"], images: 2, patches: 18, modelDim: 12 });
    const [first] = readFileSync(place.path("v.jsonl"), "utf8").split("\n");
    expect((JSON.parse(first ?? "") as Document["embeddings"][number]).embedding).toHaveLength(9);
  });

  it("is converted to linear attention, measured on images, and read again", async () => {
    const images = ["--images", "pictures", "--calibrate", "pictures"];
    const { stdout } = await succeed(
      "convert",
      vit,
      ...images,
      "--features",
      "7",
      "--no-diagnosis",
      "--out",
      "favor",
      "--json",
    );
    expect(parseOnly(stdout)).toMatchObject({
      out: "favor",
      numFeatures: 7,
      vectors: { count: 2, tokens: 18 },
    });
    const { embeddings } = await documentOf("favor", "--images", "pictures");
    expect(embeddings[0]?.embedding).toHaveLength(12);
    expect(embeddings).not.toEqual((await documentOf(vit, "--images", "pictures")).embeddings);
  });

  it("reads images with a run that was trained on images of a shape", async () => {
    const model = ["modelDim=8", "numLayers=1", "numHeads=1", "numFeatures=5", "positions=rotary"].flatMap((each) => [
      "--set",
      `model.${each}`,
    ]);
    const sizes = ["--image-size", "4", "--set", "training.steps=1", ...model];
    await succeed("train", "--data", "pictures", ...sizes, "--out", "run");
    const { embeddings } = await documentOf("run", "--image", "pictures/image-1.png");
    expect(embeddings).toMatchObject([{ id: "image-1.png" }]);
    expect(embeddings[0]?.embedding).toHaveLength(8);
  });

  it("refuses what it cannot read, naming the way out", async () => {
    const refused = async (code: number, verb: VerbName, ...args: readonly string[]) => {
      const { stderr, ...finished } = await runVerb(place.folder, verbs[verb](), ...args);
      expect({ ...finished, stderr }).toMatchObject({ code, stdout: "" });
      return stderr;
    };
    expect(await refused(2, "embed", vit)).toContain("the images must be given with --image or --images, got neither");
    expect(await refused(2, "embed", vit, "--text", "a cat")).toContain(
      `--text must come with a model of text, got ${vit}, which reads images; use --image or --images`,
    );
    expect(await refused(2, "embed", goldenFolder("bert"), "--image", "x.png")).toContain(
      "--image must come with a model of images",
    );
    expect(await refused(1, "embed", vit, "--image", "pictures/notes.md")).toContain(
      "notes.md: an image must be a PNG or a JPEG file",
    );
    expect(await refused(1, "embed", vit, "--image", "none.png")).toContain("none.png");
    mkdirSync(place.path("nothing"));
    expect(await refused(1, "embed", vit, "--images", "nothing")).toContain("the folder must hold at least one file");
    expect(await refused(2, "convert", vit, "--calibrate", "--out", "c")).toContain(
      "--calibrate must come with a folder of images",
    );
  });
});
