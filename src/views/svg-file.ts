/** A figure as the content of an .svg file, which stands without a page around it. */

import { ArgumentError, problem } from "../graph/errors.ts";
import type { Figure } from "../lab/index.ts";
import { chartWidths, drawFigure } from "./report/chart.ts";

/** What a page's style would otherwise say. */
const STYLE = "background: white; color: #1c1e21; font-family: sans-serif; font-size: 13px";
const ELEMENT_NODE = 1;
const TEXT_NODE = 3;

/**
 * Draws a figure with its namespace, a white background and a font of its own.
 *
 * @returns one XML element and a line break
 * @throws ArgumentError when the picture is more than SVG, or takes its colours from the style of a page
 */
export function renderSvgFile(figure: Figure): string {
  const picture = drawFigure(figure, { name: "figure", width: chartWidths.wide });
  const name = picture.localName;
  if (name !== "svg") {
    throw new ArgumentError(
      problem`figure "${figure.label}": the picture must be one <svg>, got a <${name}>, as Plot makes of titles,
      captions and colour legends; name the series with Plot.text instead.`,
    );
  }
  const ownStyle = picture.getAttribute("style");
  // The figure's own style comes last, and so has the last word.
  picture.setAttribute("style", ownStyle === null ? STYLE : `${STYLE}; ${ownStyle}`);
  picture.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const text = toXml(picture);
  // Plot defines this variable in its pictures itself; any other one is nowhere defined in a file.
  const variable = /var\((--(?!plot-)[\w-]+)/.exec(text)?.[1];
  if (variable !== undefined) {
    throw new ArgumentError(
      problem`figure "${figure.label}": colours must be values in a file, got the CSS variable ${variable}; write it as
      "#2563c9".`,
    );
  }
  return `${text}\n`;
}

/** Unlike outerHTML, which leaves & and < in attributes as they are and writes &nbsp;: none of it is XML. */
function toXml(node: Node): string {
  if (node.nodeType === TEXT_NODE) return escapeXml(node.nodeValue ?? "");
  if (node.nodeType !== ELEMENT_NODE) return "";
  // Nodes of this type are elements, which the types do not know.
  const { localName, attributes, childNodes } = node as Element;
  const opening = [localName, ...Array.from(attributes, ({ name, value }) => `${name}="${escapeXml(value)}"`)].join(
    " ",
  );
  const content = Array.from(childNodes, toXml).join("");
  return content === "" ? `<${opening}/>` : `<${opening}>${content}</${localName}>`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
