/** A list that is written item by item is one document. */

import { expect, it } from "vitest";

import { openJsonList } from "./json-list.ts";

it.each([[[]], [[1]], [[{ id: "a" }, { id: 'b"' }, null]]])(
  "of %j is a whole document at its end alone",
  async (items) => {
    let written = "";
    const list = openJsonList("things", (text) => void (written += text));
    expect(written).toBe("");
    for (const item of items) await list.add(item);
    expect(() => JSON.parse(written) as unknown).toThrow(SyntaxError);
    await list.end();
    expect(JSON.parse(written)).toEqual({ things: items });
    expect(written.endsWith("}\n")).toBe(true);
  },
);
