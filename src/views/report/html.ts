/** Text into HTML: whatever is put into a template is escaped, unless it is HTML already. */

/** HTML that needs no escaping: made by {@link html} or {@link trustedHtml} only. */
export interface Html {
  readonly html: string;
}

export type HtmlPart = string | number | Html | undefined | readonly HtmlPart[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Safe between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A template: text and numbers are escaped, HTML is kept, lists are joined, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return { html: strings.map((text, index) => text + render(parts[index])).join("") };
}

/** Takes text as HTML: for what a library of ours drew, never for anything from a file or a user. */
export function trustedHtml(text: string): Html {
  return { html: text };
}

/**
 * A complete document with a style, and a script behind its content where there is one.
 *
 * @param style text of a style sheet, and script of a module: both ours
 * @param data what the script reads: JSON, in the element #data
 */
export function renderDocument(options: {
  readonly title: string;
  readonly style: string;
  readonly content: Html;
  readonly script?: string;
  readonly data?: object;
}): string {
  const { title, style, content, script, data } = options;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${trustedHtml(style)}
        </style>
      </head>
      <body>
        <main>${content}</main>
        ${
          script === undefined
            ? undefined
            : html`<script type="application/json" id="data">
                  ${trustedHtml(scriptJson(data))}
                </script>
                <script type="module">
                  ${trustedHtml(script)};
                </script>`
        }
      </body>
    </html>`;
  return `${page.html}\n`;
}

/** JSON inside a script: neither an end tag nor a comment can begin in it. */
function scriptJson(value: object | undefined): string {
  return JSON.stringify(value ?? null).replaceAll("<", "\\u003c");
}

function render(part: HtmlPart): string {
  if (part === undefined) return "";
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number") return String(part);
  return "html" in part ? part.html : part.map(render).join("");
}
