/** Every option that the package exports says what it is when one points at it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript-5";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

it("documents all options of the public exports", () => {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const entries = Object.values<{ readonly types?: string }>(exports).flatMap(({ types }) =>
    types === undefined ? [] : [`${root}${types}`],
  );
  const { NodeNext: module } = ts.ModuleKind;
  const { NodeNext: moduleResolution } = ts.ModuleResolutionKind;
  const program = ts.createProgram(entries, { module, moduleResolution, strict: true, skipLibCheck: true });
  const checker = program.getTypeChecker();
  const found = new Map<string, string>();
  for (const entry of entries) {
    const file = program.getSourceFile(entry);
    const symbol = file && checker.getSymbolAtLocation(file);
    expect(symbol, entry).toBeDefined();
    for (const exported of symbol ? checker.getExportsOfModule(symbol) : []) {
      const type = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const isType = (type.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) !== 0;
      if (!isType || !/(?:Options|Config|Settings)$/.test(type.name)) continue;
      for (const property of checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(type))) {
        found.set(`${type.name}.${property.name}`, ts.displayPartsToString(property.getDocumentationComment(checker)));
      }
    }
  }
  expect(found.size).toBeGreaterThan(500);
  expect([...found].filter(([, text]) => text.trim() === "").map(([name]) => name)).toEqual([]);
});
