// A page that leaves all of it to a worker.

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

/** @param {{ name: string, argument: unknown }} task */
function inWorker(task) {
  return new Promise((resolve, reject) => {
    worker.addEventListener("error", ({ message }) => reject(new Error(message)), { once: true });
    worker.addEventListener(
      "message",
      ({ data }) => (data.error === undefined ? resolve(data.result) : reject(new Error(data.error))),
      { once: true },
    );
    worker.postMessage(task);
  });
}

Object.assign(globalThis, { programs: { inWorker } });
