export { apply1, apply, applyNode, applyTensors, operationNames, operationOf } from './operation';
export { describeNode, type GraphNode, makeLeaf, reachable, Value } from './graph';
export { literal, toValue } from './create';
export { state } from './state';
export { IDENTITIES } from './primitives';
export { asTensor } from './tensor';
export { within } from './trace';
export { buildPlan, type PlanOptions } from './plan/build';
export { planKey } from './plan/key';
