/** Pictures as SVG and as pixels: what is put into them is there, in the same place in both. */

import { decode } from "fast-png";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";

import { amountRamp, differenceRamp, hexOf, matrixPixels, rampPixels } from "./colours.ts";
import { panelsPicture, wrapped } from "./panels.ts";
import { textWidth, toSvg, type Picture } from "./picture.ts";
import { GLYPH_DEPTH, GLYPH_HEIGHT, GLYPH_WIDTH, isInked } from "./pixel-font.ts";
import { toPng } from "./raster.ts";

const checker = matrixPixels({ rows: 2, columns: 3, ramp: amountRamp }, (row, column) => (row + column) % 2);

const picture: Picture = {
  label: 'a "test" <picture>',
  width: 40,
  height: 30,
  marks: [
    { kind: "box", x: 2, y: 3, width: 5, height: 4, fill: "#ff0000" },
    { kind: "image", x: 10, y: 10, width: 6, height: 4, pixels: checker },
    { kind: "text", x: 20, y: 27, text: "I&<", anchor: "middle" },
  ],
};

const raster = (of: Picture) => {
  const { width, height, data } = decode(toPng(of));
  const at = (x: number, y: number) => Array.from(data.slice(3 * (y * width + x), 3 * (y * width + x) + 3));
  return { width, height, at };
};

describe("a picture", () => {
  it("is one element of XML, with all text escaped", () => {
    const svg = toSvg(picture);
    expect(svg).toContain('aria-label="a &quot;test&quot; &lt;picture&gt;"');
    expect(svg).toContain(">I&amp;&lt;</text>");
    const { document } = parseHTML(svg);
    expect(document.querySelectorAll("svg > *")).toHaveLength(4);
    expect(svg).toMatch(/href="data:image\/png;base64,[A-Za-z0-9+/=]+"/);
  });

  it("has the same marks in the same places as pixels, two for one", () => {
    const { width, height, at } = raster(picture);
    expect([width, height]).toEqual([80, 60]);
    const [red, white, dark] = [[255, 0, 0], [255, 255, 255], amountRamp(1)];
    expect([at(4, 6), at(13, 13), at(3, 6), at(14, 13)]).toEqual([red, red, white, white]);
    // Two rows and three columns of four pixels each.
    expect([at(20, 20), at(24, 20), at(28, 20), at(20, 24), at(24, 24)]).toEqual([white, dark, white, dark, white]);
  });

  it("keeps lines that are thinner than a pixel when it is reduced", () => {
    const thin = matrixPixels({ rows: 64, columns: 64, ramp: amountRamp }, (_, column) => Number(column === 31));
    const { at } = raster({ ...picture, marks: [{ kind: "image", x: 0, y: 0, width: 8, height: 8, pixels: thin }] });
    expect(Math.max(...Array.from({ length: 16 }, (_, x) => 255 - (at(x, 3)[0] ?? 0)))).toBeGreaterThan(50);
  });
});

describe("letters of pixels", () => {
  const drawn = (letter: string) =>
    Array.from({ length: GLYPH_HEIGHT + GLYPH_DEPTH }, (_, row) =>
      Array.from({ length: GLYPH_WIDTH }, (_, column) => (isInked(letter, row, column) ? "#" : ".")).join(""),
    ).join("\n");

  it("look like letters", () => {
    expect(drawn("E")).toBe("#####\n#....\n#....\n####.\n#....\n#....\n#####\n.....\n.....");
    expect(drawn("7")).toBe("#####\n....#\n...#.\n..#..\n.#...\n.#...\n.#...\n.....\n.....");
  });

  it("are all different, and none is empty but the blank", () => {
    const letters = Array.from(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,;:+=×%()<>/|'·→_^$[]*?#&\"!@{}\\~`“”…␣⏎⇥ĠĊ ",
    );
    expect(new Set(letters.map(drawn)).size).toBe(letters.length);
    expect(letters.filter((letter) => !drawn(letter).includes("#"))).toEqual([" "]);
    // What is not in the font cannot be overlooked.
    expect(drawn("λ").slice(0, 41)).not.toContain(".");
  });
});

describe("colours", () => {
  it("run from end to end, and stay there outside", () => {
    expect(hexOf(amountRamp(0))).toBe("#ffffff");
    expect(amountRamp(-3)).toEqual(amountRamp(0));
    expect(amountRamp(7)).toEqual(amountRamp(1));
    expect(hexOf(differenceRamp(0.5))).toBe("#f7f7f7");
    const light = Array.from({ length: 128 }, (_, column) =>
      rampPixels(amountRamp).rgb.slice(3 * column, 3 * column + 3),
    );
    const luminance = light.map(([red = 0, green = 0, blue = 0]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue);
    // Darker all the way.
    expect(luminance.every((value, index) => index === 0 || value <= (luminance[index - 1] ?? 0))).toBe(true);
  });
});

describe("panels", () => {
  it("begin a row for each group, and fit the width", () => {
    const panel = {
      title: "a title that is far longer than its panel is wide, whatever the width of the panel may be",
      pixels: checker,
    };
    const { width, marks } = panelsPicture({
      label: "panels",
      title: "Panels",
      notes: ["one two three"],
      groups: [[panel, panel, panel], [panel]],
      columns: 3,
      scale: { ramp: amountRamp, title: "amount", ticks: [{ share: 0, text: "0" }] },
      ticks: [{ at: 0, text: "1" }],
    });
    const images = marks.flatMap((mark) => (mark.kind === "image" && mark.pixels === checker ? [mark] : []));
    expect(new Set(images.map(({ y }) => y)).size).toBe(2);
    expect(images[3]?.x).toBe(images[0]?.x);
    for (const mark of marks) if (mark.kind !== "text") expect(mark.x + mark.width).toBeLessThanOrEqual(width);
    const titles = marks.flatMap((mark) =>
      mark.kind === "text" && mark.text.startsWith("a title") ? [mark.text] : [],
    );
    expect(titles.every((title) => textWidth(title) <= (images[0]?.width ?? 0))).toBe(true);
  });

  it("wrap notes between words", () => {
    expect(wrapped("one two three", textWidth("one two"))).toEqual(["one two", "three"]);
  });
});
