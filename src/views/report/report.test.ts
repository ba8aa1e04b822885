import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";

import { thin } from "./curves.ts";
import type { ReportData } from "./data.ts";
import { escapeHtml } from "./html.ts";
import { formatCount, formatLarge, formatPercent, formatSeconds } from "../../text/numbers.ts";
import { renderReport } from "./report.ts";
import { residueClass } from "./residues.ts";

const data: ReportData = {
  title: "Run seventeen",
  createdAt: "2026-01-02T03:04:05.678Z",
  summary: "A model of proteins.",
  words: {
    unit: "residue",
    units: "residues",
    sample: "protein",
    samples: "proteins",
    predicted: "the next residue",
  },
  areProteins: true,
  lossTitle: "Loss (nats per residue)",
  model: { parameters: 1_234_567, description: "3 layers, width 128" },
  training: { steps: 131, tokensSeen: 7_654_321, elapsedSeconds: 3723, tokensPerSecond: 2057 },
  metrics: Array.from({ length: 131 }, (_, index) => ({
    step: index + 1,
    trainLossNats: 3 - index / 200,
    learningRate: 3e-4,
    ...(index % 13 === 0 ? { validLossNats: 3.1 - index / 220 } : {}),
  })),
  baseline: { name: "unigram", meaning: "residue frequencies only", loss: 2.8893 },
  evaluations: [
    {
      task: "language-modeling",
      split: "test",
      tokens: 21_011,
      accuracy: 0.1423,
      perplexity: 12.314,
      lossNats: 2.5107,
      unigram: { accuracy: 0.0972, perplexity: 17.98 },
    },
    {
      task: "language-modeling",
      split: "ood",
      tokens: 19_013,
      accuracy: 0.0911,
      perplexity: 18.25,
      lossNats: 2.9041,
      unigram: { accuracy: 0.0961, perplexity: 17.71 },
    },
  ],
  samples: [
    { id: "sample-1", prompt: "MKTAYIAKQRQIS", sequence: "MKTAYIAKQRQISFVKSHFSRQX", perplexity: 11.75 },
    { id: "sample-2", prompt: "", sequence: "MDE" },
  ],
  config: { model: { numLayers: 3 } },
};

function pageOf(changes: Partial<ReportData> = {}): Document {
  return parseHTML(renderReport({ ...data, ...changes })).document;
}

function textsOf(page: ParentNode, selector: string): readonly string[] {
  return [...page.querySelectorAll(selector)].map((element) => element.textContent.replace(/\s+/g, " ").trim());
}

describe("the page of a run", () => {
  test("has one title, one viewport for phones, and colours for light and dark", () => {
    const text = renderReport(data);
    expect(text).toMatch(/^<!doctype html>\s*<html lang="en">/);
    expect(text).toMatch(/<\/html>\n$/);
    expect(textsOf(pageOf(), "h1")).toEqual(["Run seventeen"]);
    expect(textsOf(pageOf(), "time")).toEqual(["2026-01-02 03:04:05 UTC"]);
    expect(text).toContain('<meta name="viewport" content="width=device-width, initial-scale=1" />');
    expect(text).toContain("prefers-color-scheme: dark");
  });

  test("opens as many elements as it closes", () => {
    const text = renderReport(data);
    for (const tag of [
      "div",
      "svg",
      "g",
      "table",
      "tr",
      "td",
      "span",
      "i",
      "ul",
      "li",
      "dl",
      "article",
      "details",
      "main",
      "text",
    ]) {
      const opened = text.match(new RegExp(`<${tag}[\\s>]`, "g"))?.length ?? 0;
      const closed = text.match(new RegExp(`</${tag}>`, "g"))?.length ?? 0;
      expect(`${tag} ${closed}`).toBe(`${tag} ${opened}`);
      expect(opened).toBeGreaterThan(0);
    }
  });

  test("loads nothing and runs nothing", () => {
    const text = renderReport(data);
    expect(text).not.toMatch(/https?:\/\//);
    expect(text).not.toMatch(/url\(|@import|<script|<link|<img|<iframe|\ssrc=|\son[a-z]+=/i);
  });

  test("shows the size of the model and of the training", () => {
    expect(textsOf(pageOf(), ".facts dt, .facts dd")).toEqual([
      "Parameters",
      "1.23 M",
      "Steps",
      "131",
      "Residues seen",
      "7.65 M",
      "Training time",
      "1 h 2 min",
      "Residues / second",
      "2,057",
    ]);
  });

  test("compares each split with the unigram baseline and marks only what is better", () => {
    const page = pageOf();
    const rows = [...page.querySelectorAll("tr")].map((row) => textsOf(row, "th, td"));
    expect(rows).toEqual([
      ["", "test", "ood"],
      ["Perplexity (lower is better)", "12.31unigram 17.98", "18.25unigram 17.71"],
      ["Accuracy of the next residue", "14.2 %unigram 9.7 %", "9.1 %unigram 9.6 %"],
      ["Loss (nats per residue)", "2.511unigram 2.889", "2.904unigram 2.874"],
      ["Residues", "21,011", "19,013"],
    ]);
    expect(textsOf(page, "b.better")).toEqual(["12.31", "14.2 %", "2.511"]);
  });

  test("draws both losses, the labelled unigram line and the learning rate, with titles on the axes", () => {
    const [loss, rate] = [...pageOf().querySelectorAll(".chart .wide svg")];
    expect(loss?.querySelectorAll('[aria-label="line"]').length).toBe(3);
    expect(loss?.outerHTML).toContain('stroke="var(--valid)"');
    expect(loss?.textContent).toContain("unigram 2.889");
    expect(loss?.textContent).toContain("Training step");
    expect(loss?.textContent).toContain("Loss (nats per residue)");
    expect(rate?.textContent).toContain("3e-4");
    expect(pageOf().querySelectorAll(".chart .narrow svg").length).toBe(2);
  });

  test("draws a run that diverged or has hardly begun", () => {
    const metrics = [{ step: 1, trainLossNats: 3.1 }, { step: 2, trainLossNats: Number.NaN }, { step: 3 }];
    for (const changes of [{ metrics }, { metrics: [] }, { evaluations: [], samples: [] }]) {
      const text = renderReport({ ...data, ...changes });
      expect(text).not.toContain("NaN");
      expect(text).toContain("unigram 2.889");
    }
  });

  test("colours residues by class, underlines the prompt and loses no letter", () => {
    const [first, second] = [...pageOf().querySelectorAll(".sample")];
    expect(first?.querySelector(".sequence")?.textContent).toBe("MKTAYIAKQRQISFVKSHFSRQX");
    const prompt = [...(first?.querySelectorAll(".prompt") ?? [])].map((element) => element.textContent).join("");
    expect(prompt).toBe("MKTAYIAKQRQIS");
    expect(first?.textContent).toContain("23 residues · perplexity 11.75 · prompt MKTAYIAKQRQIS");
    expect(second?.querySelector(".sequence")?.innerHTML).toBe(
      '<span><i class="hydrophobic">M</i><i class="acidic">DE</i></span>',
    );
    expect(textsOf(pageOf(), ".legend li").slice(3)).toEqual([
      "A V L I M F W Y hydrophobic",
      "S T N Q polar",
      "D E acidic",
      "K R H basic",
      "C G P U O special",
    ]);
  });

  test("shows text as it stands, with its prompt underlined, and no colours of residues", () => {
    const words = { unit: "byte", units: "bytes", sample: "text", samples: "texts", predicted: "the next byte" };
    const samples = [{ id: "one", prompt: "It is", sequence: "It is <b>\n  so", perplexity: 3.25 }];
    const baseline = { name: "unigram", meaning: "byte frequencies only", loss: 3 };
    const lossTitle = "Loss (nats per byte)";
    const page = pageOf({ summary: "", words, areProteins: false, samples, lossTitle, baseline });
    expect(page.querySelector(".sample .text")?.textContent).toBe("It is <b>\n  so");
    expect(page.querySelector(".sample .prompt")?.textContent).toBe("It is");
    expect(textsOf(page, ".sample .note")).toEqual(["perplexity 3.25"]);
    expect(textsOf(page, ".facts dt")).toContain("Bytes seen");
    expect(page.querySelector("main")?.textContent).not.toMatch(/residue/i);
  });

  test("holds pictures itself", () => {
    const samples = [{ id: "one", prompt: "", sequence: "7 11", image: Uint8Array.of(1, 2, 3) }];
    const text = renderReport({ ...data, samples, areProteins: false });
    expect(parseHTML(text).document.querySelector("figure img")?.getAttribute("src")).toBe(
      "data:image/png;base64,AQID",
    );
    expect(text).not.toContain("7 11");
  });

  test("compares a classifier with the commonest class, and numbers with their mean", () => {
    const classes = {
      task: "classification",
      split: "test",
      tokens: 7,
      accuracy: 0.5,
      perplexity: 2,
      lossNats: 0.69,
    } as const;
    const majority = { accuracy: 0.75, perplexity: 1.75 };
    const classified = pageOf({ evaluations: [{ ...classes, majority }], baseline: undefined, samples: [] });
    expect(classified.querySelector("table")?.textContent).toContain("majority 75.0 %");
    expect(classified.querySelectorAll(".swatch.baseline").length).toBe(0);
    const numbers = {
      task: "regression",
      split: "test",
      tokens: 7,
      meanSquaredError: 0.5,
      rSquared: 0.5,
      pearson: 0.8,
    } as const;
    const told = pageOf({
      evaluations: [{ ...numbers, mean: { meanSquaredError: 1, rSquared: -0.125 } }],
      samples: [],
    });
    expect(textsOf(told, "tbody tr")[0]).toBe("Mean squared error (lower is better) 0.5000mean 1.0000");
    expect(textsOf(told, "b.better")).toEqual(["0.5000", "0.500"]);
  });

  test("escapes text wherever it comes from", () => {
    const attack = `</title></style></pre><script>alert("x")</script>'&`;
    const text = renderReport({
      ...data,
      title: attack,
      createdAt: attack,
      summary: attack,
      model: { parameters: 1, description: attack },
      evaluations: data.evaluations.map((evaluation) => ({ ...evaluation, split: attack })),
      samples: [{ id: attack, prompt: attack, sequence: attack }],
      config: { [attack]: attack },
    });
    expect(text).not.toContain("<script");
    expect(parseHTML(text).document.querySelector("summary + pre")?.textContent).toContain("alert(");
    expect(escapeHtml(`<a b="c" d='e'>&`)).toBe("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
  });

  test("shows the configuration collapsed, and is the same for the same run", () => {
    const details = pageOf().querySelector("details");
    expect(details?.hasAttribute("open")).toBe(false);
    expect(JSON.parse(details?.querySelector("pre")?.textContent ?? "")).toEqual(data.config);
    expect(renderReport(data)).toBe(renderReport(data));
  });

  test("of a hundred thousand steps is small enough to send by mail", () => {
    const metrics = Array.from({ length: 100_003 }, (_, step) => ({ step, trainLossNats: 3, learningRate: 1e-3 }));
    expect(renderReport({ ...data, metrics }).length).toBeLessThan(250_000);
  });
});

test("thin keeps the mean of each window, and short curves as they are", () => {
  const points = Array.from({ length: 7 }, (_, index) => ({ x: index, y: index * 10 }));
  expect(thin(points, 7)).toBe(points);
  expect(thin(points, 2)).toEqual([
    { x: 1, y: 10 },
    { x: 4.5, y: 45 },
  ]);
});

test("every one-letter code has one class, and what stands for several residues has none", () => {
  expect(Array.from("ACDEFGHIKLMNOPQRSTUVWY").filter((letter) => residueClass(letter) === undefined)).toEqual([]);
  expect(Array.from("XBZJ-*", residueClass)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("numbers are short and have units", () => {
  expect([7, 9999, 12_345, 3_214_592, 2e9].map(formatLarge)).toEqual(["7", "9,999", "12.3 K", "3.21 M", "2 B"]);
  expect([9.27, 59.6, 95, 3599.6, 7261, Number.NaN].map(formatSeconds)).toEqual([
    "9.3 s",
    "1 min 0 s",
    "1 min 35 s",
    "1 h 0 min",
    "2 h 1 min",
    "–",
  ]);
  expect(formatPercent(0.1234)).toBe("12.3 %");
  expect(formatCount(1_234_567)).toBe("1,234,567");
});
