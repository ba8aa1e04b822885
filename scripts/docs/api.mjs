// The API as pages, one for each subpath that package.json exports, from the declarations in dist/.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript-5";
import { root } from "../process.mjs";

export function apiPages() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const entries = Object.keys(exports).flatMap((name) =>
    exports[name].types === undefined ? [] : [{ name, file: join(root, exports[name].types) }],
  );
  const { NodeNext: module } = ts.ModuleKind;
  const { NodeNext: moduleResolution } = ts.ModuleResolutionKind;
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    { module, moduleResolution, strict: true, skipLibCheck: true },
  );
  const checker = program.getTypeChecker();
  const pages = entries.map(({ name, file }) => {
    const specifier = name === "." ? "performer-ts" : `performer-ts${name.slice(1)}`;
    const source = program.getSourceFile(file);
    const symbol = source && checker.getSymbolAtLocation(source);
    const symbols = symbol === undefined ? [] : checker.getExportsOfModule(symbol);
    const described = symbols.toSorted((a, b) => a.name.localeCompare(b.name)).map((each) => describe(checker, each));
    const purpose = /^\/\*\*\s*([\s\S]*?)\*\//.exec(source?.text ?? "")?.[1] ?? "";
    return {
      path: `api/${name === "." ? "root" : name.slice(2)}.md`,
      title: specifier,
      text: `# ${specifier}\n\n${escaped(purpose.replaceAll(/^\s*\* ?/gm, ""))}\n\n${described.join("\n")}`,
    };
  });
  const list = pages.map(({ path, title }) => `- [\`${title}\`](/${path})`).join("\n");
  const text = `# API\n\nEvery name that the package exports, by the subpath that exports it.\n\n${list}\n`;
  return [{ path: "api/index.md", title: "Overview", text }, ...pages];
}

/**
 * @param {ts.TypeChecker} checker
 * @param {ts.Symbol} exported
 */
function describe(checker, exported) {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  const tags = symbol.getJsDocTags(checker).map(({ name, text: parts }) => {
    const said = ts.displayPartsToString(parts).trim();
    if (name === "example") return `\n\`\`\`ts\n${said}\n\`\`\`\n`;
    if (name === "param") return `- \`${said.split(/\s/)[0] ?? ""}\`: ${escaped(said.replace(/^\S+\s*-?\s*/, ""))}`;
    return `- **${name}** ${escaped(said)}`;
  });
  return `## ${exported.name}\n\n\`\`\`ts\n${declarationOf(symbol)}\n\`\`\`\n\n${escaped(text)}\n\n${tags.join("\n")}\n`;
}

/** The declaration as dist/ has it, without bodies, which declarations do not have. */
function declarationOf(/** @type {ts.Symbol} */ symbol) {
  const texts = (symbol.declarations ?? []).map((node) => {
    const whole = ts.isVariableDeclaration(node) ? node.parent.parent : node;
    return whole.getText().replaceAll(/^(?:export )?(?:declare )?/g, "");
  });
  return texts.join("\n");
}

/** Text of docstrings as Markdown: what looks like a tag is none, and what looks like an expression is none. */
function escaped(/** @type {string} */ text) {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll("<", "&lt;").replaceAll("{{", "&#123;&#123;")))
    .join("");
}
