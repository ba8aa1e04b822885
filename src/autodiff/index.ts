/** Reverse-mode gradients: from a graph to the graph of its derivatives. */
export { customGradient } from "./custom-gradient.ts";
export { backpropagate, gradients } from "./gradients.ts";
