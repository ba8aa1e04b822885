// A worker that does what it is told by name.

import * as programs from "./programs.js";

/** @type {Record<string, (argument: any) => Promise<unknown>>} */
const byName = programs;

addEventListener("message", ({ data: { name, argument } }) => {
  byName[name]?.(argument).then(
    (result) => postMessage({ result }),
    (error) => postMessage({ error: String(error) }),
  );
});
