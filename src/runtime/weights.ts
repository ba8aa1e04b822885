/** Weights inside a compiled graph: which values they have, and in how many bits they are stored. */
import { problem } from "../graph/errors.ts";
import type { Graph } from "../graph/graph.ts";
import { weightDtypes, type WeightDtype } from "../onnx/weight-dtype.ts";
import { RuntimeError, type Backend, type Device, type WeightOptions } from "./backend.ts";

/** The names of transformers.js for the same. */
const aliases: Readonly<Record<string, WeightDtype>> = { fp32: "float32", fp16: "float16", q8: "int8" };

/** The names that `weightDtype` takes. */
export const weightDtypeNames: readonly string[] = [...weightDtypes, ...Object.keys(aliases)];

/**
 * A dtype by its name, or by the one that transformers.js has for it: fp32, fp16, q8.
 *
 * @throws RuntimeError for any other
 */
export function weightDtype(name: string): WeightDtype {
  const known = weightDtypes.find((dtype) => dtype === name) ?? (Object.hasOwn(aliases, name) && aliases[name]);
  if (known) return known;
  throw new RuntimeError(
    problem`dtype: the weights' type must be one of ${weightDtypeNames.join(", ")}, got '${name}'; leave it out for
    float32`,
  );
}

/** The weight types of each device. WebGPU's engine takes int8 weights, but this has not been measured. */
const supported: Readonly<Record<Device, readonly WeightDtype[]>> = {
  cpu: weightDtypes,
  wasm: weightDtypes,
  webgpu: ["float32"],
  reference: ["float32"],
};

/** @throws RuntimeError for a dtype that does not exist or that the device does not have */
export function checkWeights(
  { constants = {}, dtype = "float32" }: WeightOptions,
  device: Device,
): Required<WeightOptions> {
  const known = weightDtype(dtype);
  if (supported[device].includes(known)) return { constants, dtype: known };
  throw new RuntimeError(
    problem`compile: dtype must be ${supported[device].join(" or ")} on device '${device}', got ${known}; leave it out,
    or use device 'cpu'`,
  );
}

/**
 * The same backend for one set of weights: graphs that it compiles hold them, in the given type, and pass over those
 * that are fed.
 *
 * @throws RuntimeError for a dtype that does not exist or that the device does not have
 */
export function withWeights(backend: Backend, weights: WeightOptions): Backend {
  const { constants, dtype } = checkWeights(weights, backend.device);
  return {
    device: backend.device,
    compile: async (graph: Graph) => {
      const executable = await backend.compile(graph, { constants, dtype });
      return {
        ...executable,
        run: (feeds) =>
          executable.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => !Object.hasOwn(constants, name)))),
      };
    },
  };
}
