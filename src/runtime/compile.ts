/** From a function of tensors to something that runs. */
import { createBackend } from "#engine";
import { isRecord, refuseUnknownOptions, requireArgument } from "../graph/arguments.ts";
import type { DType, NdArray } from "../graph/ndarray.ts";
import type { Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { input } from "../ops/source.ts";
import type { Backend, Executable, Feeds } from "./backend.ts";

const WHO = "compile";
const EXAMPLE = "for example compile(({ x }) => ({ y: exp(x) }), { x: [2, 3] })";

/** A shape (float32), or a shape with its dtype. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype: DType };

export interface CompileOptions {
  /** Default: the platform's own, `cpu` in Node and `wasm` in browsers and where Node lacks onnxruntime-node. */
  readonly backend?: Backend;
}

/** A compiled function, whose results have the names that the function gave them. */
export interface CompiledFunction<Results extends Readonly<Record<string, Tensor>>> extends Executable {
  /**
   * Runs the function. Inputs are not copied where the engine can read them in place; results are fresh arrays.
   *
   * @param feeds each input by its name; inputs that no result depends on are left out
   * @throws RuntimeError when a value is missing, unknown, or of another type, size or shape than declared
   */
  run(feeds: Feeds): Promise<{ -readonly [Name in keyof Results]: NdArray }>;
}

/**
 * Traces a function once with symbolic inputs and compiles what it returns.
 *
 * @param build from named tensors to named results
 * @param inputs shape of each input; shapes are fixed in the compiled graph
 * @returns call `run({ x: Float32Array, … })`; `dispose()` frees it
 * @throws GraphError while tracing, with the path of the op
 *
 * @example
 * const f = await compile(({ x, w }) => ({ y: softmax(matmul(x, w)) }), { x: [2, 3], w: [3, 5] });
 * const { y } = await f.run({ x: new Float32Array(6), w: new Float32Array(15) });
 */
export async function compile<Input extends string, Results extends Readonly<Record<string, Tensor>>>(
  build: (inputs: Readonly<Record<Input, Tensor>>) => Results,
  inputs: Readonly<Record<Input, InputSpec>>,
  options: CompileOptions = {},
): Promise<CompiledFunction<Results>> {
  requireArgument(typeof build === "function", WHO, "build", "a function of tensors", build, EXAMPLE);
  requireArgument(isRecord(inputs), WHO, "inputs", "shapes by name", inputs, EXAMPLE);
  refuseUnknownOptions(WHO, options, ["backend"]);
  const entries = Object.entries<InputSpec>(inputs).map(([name, spec]): [string, Tensor] => [
    name,
    "shape" in spec ? input(name, spec.shape, spec.dtype) : input(name, spec),
  ]);
  // The keys are those of `inputs`.
  const tensors = Object.fromEntries(entries) as Record<Input, Tensor>;
  const backend = options.backend ?? createBackend();
  const executable = await backend.compile({ outputs: build(tensors) });
  return executable as CompiledFunction<Results>; // its outputs have the names that build gave
}
