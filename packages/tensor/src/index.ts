/** @packageDocumentation Graphs of tensors, plans, Variables, and the contract that backends fulfil. */
import './primitives';

export type { DType, HostData, Shape, TensorSpec } from './dtype';
export type { TensorLike, ReduceOptions, Tensor } from './types';
export type * from './shape-types';
export { arange, barrier, concat, constant, full, isTensor, oneHot, ones, pad, reciprocal, scatterAdd, select, stack, stopGradient, tensor, zeros } from './create';
export { randomNormal, randomUniform } from './random';
export { gelu, geluTanh, relu, sigmoid, silu, softplus } from './composites/activations';
export { logSoftmax, logSumExp, softmax } from './composites/softmax';
export { layerNorm, rmsNorm } from './composites/norms';
export { crossEntropyRows, type CrossEntropyRowsOptions } from './composites/cross-entropy';
export { type AttentionOptions, scaledDotProductAttention } from './composites/attention';
export { dropout } from './composites/dropout';
export { adamW, type AdamWStep } from './composites/adamw';
export { isVariable, Parameter, Variable, type VariableOptions } from './variable';
export { isTraining, type Mode, withPath } from './trace';
export { compile, type CompileOptions, type Compiled } from './compile';
export { read, run, type RunOptions } from './execute';
export { debug, defaultEngine, Engine, type EngineOptions, installBackend } from './engine';
export { explain } from './explain';
export { createReferenceBackend, type ReferenceOptions } from './reference/backend';
export { philox } from './reference/philox';
export { ShapeError, defineComposite } from './operation';
export type { Composite, CompositeBackward, Decompose, Operation, Primitive } from './operation';
export * from './backend';
export { ELEMENTWISE, type ElementwiseOp, KERNELS } from './kernels';
export { validateGraph, validatePlan } from './validate';
/** For packages that rewrite graphs (autograd) or test operations; not needed to use tensors. */
export * as internals from './internals';
