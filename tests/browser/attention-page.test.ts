/**
 * The page of a model's attention as a reader finds it: its maps are drawn, and it answers the mouse, from a file and
 * without a network.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { renderAttentionPage } from "../../src/views/attention/page.ts";
import type { AttentionSubject } from "../../src/views/attention/subject.ts";
import { browserSuite, chromiumPath } from "./harness.ts";

const letters = "^MKVLC<";
const length = letters.length;
/** The first head looks at the token before, the second at all alike. */
const heads = [
  (query: number, key: number) => Number(key === Math.max(0, query - 1)),
  (query: number, key: number) => Number(key <= query) / (query + 1),
];
const subject: AttentionSubject = {
  id: "<protein>",
  reads: "proteins",
  words: { unit: "residue", units: "residues", sample: "protein" },
  labels: Array.from(letters),
  names: Array.from(letters, (letter, token) => (token === 0 ? "<bos>" : `${letter}${token}`)),
  firstToken: 1,
  count: length - 1,
  darkest: 4,
  attention: {
    length,
    causal: true,
    maps: heads.map((weight, head) => ({
      layer: 0,
      head,
      mechanism: "exact",
      weights: Float32Array.from({ length: length * length }, (_, i) => weight(Math.floor(i / length), i % length)),
    })),
  },
};

describe.skipIf(chromiumPath === undefined)(browserSuite("the page of a model's attention"), () => {
  const folder = mkdtempSync(join(tmpdir(), "performer-page-"));
  const wrong: string[] = [];
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    const path = join(folder, "report.html");
    const text = await renderAttentionPage({
      title: "Attention of </script>",
      summary: "A model.",
      subject,
      summaries: [],
      firstToken: 3,
      notices: [],
      similarity: undefined,
      metrics: [{ step: 1, trainLossNats: 3 }],
      lossTitle: "Loss",
    });
    writeFileSync(path, text);
    browser = await chromium.launch({ executablePath: chromiumPath ?? "", args: ["--no-sandbox", "--disable-gpu"] });
    page = await browser.newPage();
    page.on("pageerror", ({ message }) => wrong.push(message));
    page.on("request", (request) => {
      if (!request.url().startsWith("file:")) wrong.push(request.url());
    });
    await page.goto(pathToFileURL(path).href);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("draws the mean and every head, with nothing from elsewhere", async () => {
    expect(await page.locator("h1").textContent()).toBe("Attention of </script>");
    expect(await page.locator(".thumbnail").allTextContents()).toEqual(["mean", "0.0", "0.1"]);
    expect(wrong).toEqual([]);
  });

  it("shows a head large, in the colours of its weights, and reads them where one points", async () => {
    await page.locator(".thumbnail").nth(1).click();
    expect(await page.locator("#which").textContent()).toBe("layer 0, head 0 (exact)");
    const canvas = page.locator("#large canvas");
    const pixels = await canvas.evaluate((element) => {
      const context = element instanceof HTMLCanvasElement ? element.getContext("2d") : null;
      return [3, 4].map((key) => Array.from(context?.getImageData(key, 4, 1, 1).data ?? []));
    });
    // Query 4 gives all, 5 times uniform and more than the darkest colour shows, to key 3, and nothing to itself.
    expect(pixels).toEqual([
      [12, 36, 97, 255],
      [255, 255, 255, 255],
    ]);
    const box = await canvas.boundingBox();
    const cell = (box?.width ?? 0) / length;
    await canvas.hover({ position: { x: 3.5 * cell, y: 4.5 * cell } });
    expect(await page.locator("#reading").textContent()).toBe("L4 → V3: 100 %, 5.00 × uniform");
  });

  it("follows a residue, both ways", async () => {
    await page.locator("#letters button").nth(5).click();
    expect(await page.locator("#who").textContent()).toBe(
      "C5, layer 0, head 0 (exact): attends most to L4 100 % (6.0 ×)",
    );
    await page.locator("#receives").check();
    expect(await page.locator("#who").textContent()).toMatch(/attended to most by <6 100 % \(7\.0 ×\)$/);
    expect(await page.locator("#arcs path").count()).toBe(1);
    // Its own weight is no measure of the others, and is told where its bar is cut.
    await page.locator("#gives").check();
    await page.locator("#letters button").nth(0).click();
    expect(await page.locator("#who").textContent()).toMatch(/attends most to nobody else; itself 100 %$/);
    expect(wrong).toEqual([]);
  });

  it("shows pieces of a text on every axis, and none of them as a document", async () => {
    const pieces = ["[CLS]", "internationalization", "##ing", "<b>", '"', "a", "[SEP]"];
    const text: AttentionSubject = {
      ...subject,
      id: '"a <b>text</b>"',
      reads: "text",
      words: { unit: "token", units: "tokens", sample: "text" },
      labels: pieces,
      names: pieces.map((piece, token) => (token === 0 || token === 6 ? piece : `${piece}(${token})`)),
      count: length - 2,
    };
    const path = join(folder, "text.html");
    const common = { summaries: [], notices: [], similarity: undefined, metrics: [], lossTitle: "" };
    writeFileSync(
      path,
      await renderAttentionPage({ ...common, title: "Attention", summary: "A model.", subject: text, firstToken: 3 }),
    );
    await page.goto(pathToFileURL(path).href);
    expect(await page.locator("#letters button").allTextContents()).toEqual(pieces);
    for (const side of ["top", "left"]) {
      expect(await page.locator(`.axis.${side} i`).allTextContents()).toEqual(pieces);
      // Side by side, however long they are.
      const boxes = await Promise.all((await page.locator(`.axis.${side} i`).all()).map((each) => each.boundingBox()));
      const spans = boxes.map((box) =>
        side === "top" ? [box?.x ?? 0, box?.width ?? 0] : [box?.y ?? 0, box?.height ?? 0],
      );
      spans.slice(1).forEach(([from = 0], place) => {
        const [before = 0, size = 0] = spans[place] ?? [];
        expect(from).toBeGreaterThanOrEqual(before + size - 0.5);
      });
    }
    expect(await page.locator("#arcs text").allTextContents()).toEqual(["[CLS]", "international…", ...pieces.slice(2)]);
    expect(await page.locator("#who").textContent()).toMatch(/^<b>\(3\), mean of 2 heads: attends most to ##ing\(2\) /);
    expect(await page.locator("main b b, main p b").count()).toBe(0);
    expect(wrong).toEqual([]);
  });
});
