import { compile, type Compiled, type Parameter, type Tensor } from '@qkv/tensor';

import { Adam, AdamW, type Optimizer, SGD, type TorchState } from '../src/index';
import { type Array64, asTensors, float64, makeParameters, type Named, readGolden, type Start } from './goldens';

export type Plain = {
  state: Record<string, Record<string, Array64 | number | null>>;
  param_groups: TorchState['param_groups'];
};
interface Case {
  readonly state_dict: Plain;
  readonly weights: Named[];
}
export const golden = readGolden<Start & { saved: number; cases: Record<string, Case> }>('optim_state');
export const makers: Record<string, (parameters: Parameter[]) => Optimizer> = {
  adamw: (p) => new AdamW(p, { learningRate: 1e-2, weightDecay: 0.05, decayFilter: ({ shape }) => shape.length > 1 }),
  adam: (p) => new Adam(p, { learningRate: 1e-2, betas: [0.9, 0.98], epsilon: 1e-9, weightDecay: 0.05 }),
  sgd: (p) => new SGD(p, { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-2 }),
  sgd_plain: (p) => new SGD(p, { learningRate: 0.1 }),
};
export const kinds = Object.keys(makers);

export const fromPlain = ({ state, param_groups }: Plain): TorchState => ({
  state: Object.fromEntries(
    Object.entries(state).map(([index, fields]) => {
      const entries = Object.entries(fields).map(([field, value]) => {
        const isArray = typeof value === 'object' && value !== null;
        return [field, isArray ? { ...value, data: Float64Array.from(value.data) } : value] as const;
      });
      return [index, Object.fromEntries(entries)];
    }),
  ),
  param_groups,
});
export interface Setup {
  readonly parameters: Parameter[];
  readonly optimizer: Optimizer;
  readonly step: Compiled<Tensor[], void>;
}

export async function setUp(kind: string, weights = golden.initial): Promise<Setup> {
  const engine = float64();
  const parameters = makeParameters(weights);
  const optimizer = makers[kind](parameters);
  const step = compile((...gradients: Tensor[]) => void optimizer.apply(gradients), { mode: 'train', engine });
  // Weights of a golden are doubles, which `constant` would round.
  const data = Object.values(weights).map((one) => Float64Array.from(one.data));
  await step(...asTensors(golden.gradients[0]));
  optimizer.release();
  for (const [i, parameter] of parameters.entries()) await parameter.load(data[i]);
  return { parameters, optimizer, step };
}
