/** The engine in Node: ONNX Runtime's native half, on the CPU or on WebGPU, or its WebAssembly half. */
import { problem } from "../graph/errors.ts";
import { writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeError, type Backend, type BackendOptions, type Device } from "./backend.ts";
import { loadNativeEngine, nativeEngineProblem } from "./node-native.ts";
import { loadWasmEngine, warnOfWasm } from "./node-wasm.ts";
import { createReferenceBackend } from "./reference.ts";
import { createSessionBackend, type DebugSink } from "./session.ts";

/**
 * The device that `createBackend` takes when none is named: `cpu`, or `wasm` where the native engine is missing. A
 * warning with the code `PERFORMER_WASM` then says so, once.
 */
export function defaultDevice(): Device {
  const problem = nativeEngineProblem();
  if (problem === undefined) return "cpu";
  warnOfWasm(problem);
  return "wasm";
}

/**
 * Creates a backend. On `wasm` the number of threads is fixed by the first backend of the process that computes.
 *
 * @throws RuntimeError for a device that does not exist
 */
export function createBackend(options: BackendOptions = {}): Backend {
  const { device = defaultDevice(), threads = availableParallelism(), strictDevice = false } = options;
  const cores = availableParallelism();
  if (!Number.isInteger(threads) || threads < 1 || threads > cores) {
    // More threads than cores wait for each other at every node: a thousand of them bring a machine to a halt.
    throw new RuntimeError(
      problem`createBackend: threads must be a whole number from 1 to ${cores}, the cores of this process, got
      ${threads}; omit it to use all`,
    );
  }
  switch (device) {
    case "reference":
      return createReferenceBackend();
    case "cpu":
    case "webgpu":
      return createNativeBackend({ device, threads, strictDevice });
    case "wasm":
      return createSessionBackend({
        device,
        loadEngine: () => loadWasmEngine(threads),
        sessionOptions: { executionProviders: [device], logSeverityLevel: 3 },
        debug: debugSink(),
      });
    default:
      throw new RuntimeError(
        problem`createBackend: device must be 'cpu', 'webgpu', 'wasm' or 'reference' in Node, got '${String(device)}';
        leave it out`,
      );
  }
}

/**
 * The native engine with any number of threads. More than the process has cores is only for tests: the engine divides
 * work by its number of threads, so they show on a small machine what happens on a large one.
 */
export function createNativeBackend({
  device,
  threads,
  strictDevice = false,
}: {
  readonly device: "cpu" | "webgpu";
  readonly threads: number;
  readonly strictDevice?: boolean;
}): Backend {
  return createSessionBackend({
    device,
    loadEngine: () => loadNativeEngine(device),
    sessionOptions: {
      executionProviders: [device],
      intraOpNumThreads: threads,
      // A pattern is laid out beside the memory that the first run took, which stays: a training step takes 1.6 times
      // as much with it, and no less time.
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: {
        session: {
          // Threads of a session that has nothing to run would go on spinning, on the cores that another session needs:
          // with six sessions in turn on two cores that cost causal attention 40 % (docs/performance.md).
          force_spinning_stop: "1",
          ...(strictDevice && device === "webgpu" && { disable_cpu_ep_fallback: "1" }),
        },
      },
    },
    debug: debugSink(),
  });
}

let dumped = 0;

function debugSink(): DebugSink | undefined {
  const level = Number(process.env["PERFORMER_DEBUG"] ?? 0);
  if (!(level >= 1)) return undefined;
  const line = (text: string) => process.stderr.write(`[performer] ${text}\n`);
  return {
    level,
    line,
    model: (bytes) => {
      const path = join(tmpdir(), `performer-${process.pid}-${dumped++}.onnx`);
      writeFileSync(path, bytes);
      line(`wrote ${path}`);
    },
  };
}
