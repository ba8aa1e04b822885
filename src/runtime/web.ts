/** The engine in browsers: ONNX Runtime's WebAssembly half, on wasm or on WebGPU. */
import { problem } from "../graph/errors.ts";
import { RuntimeError, type Backend, type BackendOptions, type Device } from "./backend.ts";
import { createReferenceBackend } from "./reference.ts";
import { createSessionBackend, type Engine } from "./session.ts";

/** The device that `createBackend` takes when none is named. */
export function defaultDevice(): Device {
  return "wasm";
}

/**
 * Creates a backend. More than one thread needs a page that is cross-origin isolated (COOP and COEP headers); elsewhere
 * the engine runs on one. The number of threads is fixed by the first backend of the page.
 *
 * In a worker the default is one thread, in a page all cores: the engine starts threads from the file that it lies in.
 * Where a bundler has put it into the worker's own file, as Vite does unless `worker.format` is "es", each thread would
 * run the worker again.
 *
 * @throws RuntimeError for a device that browsers do not have
 */
export function createBackend(options: BackendOptions = {}): Backend {
  const { device = defaultDevice(), threads = defaultThreads(), strictDevice = false } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RuntimeError(
      problem`createBackend: threads must be a positive integer, got ${threads}; omit it to use all cores`,
    );
  }
  switch (device) {
    case "reference":
      return createReferenceBackend();
    case "wasm":
    case "webgpu":
      return createSessionBackend({
        device,
        loadEngine: () => loadEngine(device, threads),
        sessionOptions: {
          executionProviders: [device],
          logSeverityLevel: 3,
          ...(strictDevice && device === "webgpu" && { extra: { session: { disable_cpu_ep_fallback: "1" } } }),
        },
      });
    case "cpu":
    default:
      throw new RuntimeError(
        problem`createBackend: device must be 'wasm', 'webgpu' or 'reference' in browsers, got '${device}'; use 'wasm'`,
      );
  }
}

function defaultThreads(): number {
  const isWorker = "WorkerGlobalScope" in globalThis;
  return isWorker ? 1 : navigator.hardwareConcurrency;
}

async function loadEngine(device: "wasm" | "webgpu", threads: number): Promise<Engine> {
  // The build with WebGPU can run wasm graphs too, but slower: each device gets its own.
  const ort = device === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  ort.env.wasm.numThreads = crossOriginIsolated ? threads : 1;
  return ort;
}
