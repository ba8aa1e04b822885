/**
 * The feed-forward layer of a block: activations with and without a gate, for all positions at once or for some at a
 * time.
 */
import type { ExecutionForm } from "../attention/mechanism.ts";
import { customGradient } from "../autodiff/custom-gradient.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, mul, relu, sigmoid } from "../ops/elementwise.ts";
import { gelu, geluSlope } from "../ops/gelu.ts";
import { inBlocks } from "../ops/in-blocks.ts";
import { reshape } from "../ops/layout.ts";
import { scan } from "../ops/scan.ts";
import { concat, slice, split } from "../ops/slicing.ts";
import type { ModelConfig } from "./config-schema.ts";
import { applyLinear } from "./layers.ts";
import type { Mlp } from "./parameter-tree.ts";

type FeedForwardOptions = Pick<ModelConfig, "activation" | "feedForwardChunkSize">;

/** `gelu`, with a backward pass in cache-sized blocks where the device can loop. */
function blockedGelu(x: Tensor, form: ExecutionForm): Tensor {
  if (form === "parallel") return gelu(x);
  const { y } = customGradient(
    { x },
    ({ x }) => ({ y: gelu(x) }),
    ({ y: dy }, { x }) => (dy ? { x: inBlocks({ x, dy }, (block) => mul(block.dy, geluSlope(block.x))) } : {}),
  );
  return y;
}

/**
 * The approximation of gelu that GPT-2 and later models were trained with, x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) /
 * 2, written with (1 + tanh(u)) / 2 = sigmoid(2u). It differs from gelu by up to 0.0005.
 *
 * Source: Hendrycks and Gimpel, arXiv:1606.08415.
 */
function geluTanh(x: Tensor): Tensor {
  const cubic = mul(x, add(mul(mul(x, x), 0.044715), 1));
  return mul(x, sigmoid(mul(cubic, 2 * Math.sqrt(2 / Math.PI))));
}

/** Activations of the hidden layer, or of the gate beside it. Source of the gates: Shazeer, arXiv:2002.05202. */
const activations = {
  gelu: blockedGelu,
  "gelu-tanh": geluTanh,
  relu,
  glu: sigmoid,
  geglu: blockedGelu,
  reglu: relu,
  swiglu: (x: Tensor) => mul(x, sigmoid(x)),
} as const satisfies Record<ModelConfig["activation"], (x: Tensor, form: ExecutionForm) => Tensor>;

/** down(activation(up(x))), or down(activation(gate(x)) · up(x)); `[…, modelDim]` → the same. */
export function applyFeedForward(
  x: Tensor,
  mlp: Mlp<Tensor>,
  options: FeedForwardOptions,
  form: ExecutionForm,
): Tensor {
  const rows = sizeOf(x.shape.slice(0, -1));
  const { feedForwardChunkSize: each } = options;
  return each === 0 || rows <= each ? whole(x, mlp, options, form) : inChunks(x, mlp, options, form);
}

function whole(x: Tensor, { gate, up, down }: Mlp<Tensor>, { activation }: FeedForwardOptions, form: ExecutionForm) {
  const activate = activations[activation];
  const hidden = gate
    ? mul(activate(applyLinear(x, gate), form), applyLinear(x, up))
    : activate(applyLinear(x, up), form);
  return applyLinear(hidden, down);
}

/**
 * So many positions at a time, of all sequences of the batch one behind the other: a loop, whose backward pass computes
 * each chunk again.
 *
 * Source: Kitaev et al., Reformer, section 3, arXiv:2001.04451.
 */
function inChunks(x: Tensor, mlp: Mlp<Tensor>, options: FeedForwardOptions, form: ExecutionForm): Tensor {
  const { feedForwardChunkSize: each } = options;
  const width = x.shape.at(-1) ?? 1;
  const rows = sizeOf(x.shape) / width;
  const steps = Math.floor(rows / each);
  const flat = reshape(x, [rows, width]);
  const apply = (part: Tensor) => whole(part, mlp, options, "parallel");
  const rest = steps * each < rows ? [apply(slice(flat, 0, steps * each, rows))] : [];
  const full = slice(flat, 0, 0, steps * each);
  const done = form === "parallel" ? split(full, 0, Array<number>(steps).fill(each)).map(apply) : [loop()];
  return reshape(concat([...done, ...rest], 0), x.shape);

  function loop(): Tensor {
    const { outputs } = scan<object, { x: Tensor }, { y: Tensor }>({
      carry: {},
      sequences: { x: reshape(full, [steps, each, width]) },
      body: (_, { x }) => ({ carry: {}, outputs: { y: apply(x) } }),
    });
    return reshape(outputs.y, [steps * each, width]);
  }
}
