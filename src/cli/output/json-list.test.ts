// A list that is written item by item is one document.

import { PassThrough } from "node:stream";
import { expect, it } from "vitest";

import { openJsonList } from "./json-list.ts";

it.each([[[]], [[1]], [[{ id: "a" }, { id: 'b"' }, null]]])(
  "of %j is a whole document at its end alone",
  async (items) => {
    const stream = new PassThrough();
    let written = "";
    stream.on("data", (chunk: Buffer) => (written += chunk.toString()));
    const list = openJsonList("things", stream);
    expect(written).toBe("");
    for (const item of items) await list.add(item);
    expect(() => JSON.parse(written) as unknown).toThrow(SyntaxError);
    await list.end();
    expect(JSON.parse(written)).toEqual({ things: items });
    expect(written.endsWith("}\n")).toBe(true);
  },
);
