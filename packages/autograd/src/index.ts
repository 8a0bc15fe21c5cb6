/** @packageDocumentation Gradients by rewriting the graph: graph in, graph out, to any order. */
export { grad, type GradOptions, valueAndGrad, vjp } from './grad';
export { customGradient, type CustomGradientContext } from './custom-gradient';
export { checkpoint } from './checkpoint';
export { checkGradient, type CheckGradientOptions, type GradientReport } from './check-gradient';
export type { Differentiable, Structure, TensorsLike } from './tree';
