import type { LoadableEntry } from '@qkv/nn';

/** Where one of our parameters stands in torch's state dict: a whole tensor, or some of its rows. */
export interface Link {
  readonly ours: string;
  readonly torch: string;
  readonly rows?: { readonly start: number; readonly count: number };
}

const join = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

export function linear(ours: string, torch: string): Link[] {
  return ['weight', 'bias'].map((name) => ({ ours: join(ours, name), torch: join(torch, name) }));
}

export function norm(ours: string, torch: string): Link[] {
  return [
    { ours: join(ours, 'gain'), torch: join(torch, 'weight') },
    { ours: join(ours, 'bias'), torch: join(torch, 'bias') },
  ];
}

/** torch keeps the three input projections in one matrix, unless keys or values have sizes of their own. */
export function multiHeadAttention(ours: string, torch: string, dimension: number, separate = false): Link[] {
  const projections = ['query', 'key', 'value'].flatMap((name, i): Link[] => {
    const rows = { start: i * dimension, count: dimension };
    const weight = separate
      ? { torch: join(torch, `${name[0]}_proj_weight`) }
      : { torch: join(torch, 'in_proj_weight'), rows };
    return [
      { ours: join(ours, `${name}.weight`), ...weight },
      { ours: join(ours, `${name}.bias`), torch: join(torch, 'in_proj_bias'), rows },
    ];
  });
  return [...projections, ...linear(join(ours, 'output'), join(torch, 'out_proj'))];
}

function feedForward(ours: string, torch: string): Link[] {
  return [
    ...linear(join(ours, 'feedForward.inner'), join(torch, 'linear1')),
    ...linear(join(ours, 'feedForward.outer'), join(torch, 'linear2')),
  ];
}

const norms = (ours: string, torch: string, count: number): Link[] =>
  Array.from({ length: count }, (_, i) => norm(join(ours, `norm${i + 1}`), join(torch, `norm${i + 1}`))).flat();

export function encoderLayer(ours: string, torch: string, dimension: number): Link[] {
  return [
    ...multiHeadAttention(join(ours, 'selfAttention'), join(torch, 'self_attn'), dimension),
    ...feedForward(ours, torch),
    ...norms(ours, torch, 2),
  ];
}

export function decoderLayer(ours: string, torch: string, dimension: number): Link[] {
  return [
    ...multiHeadAttention(join(ours, 'selfAttention'), join(torch, 'self_attn'), dimension),
    ...multiHeadAttention(join(ours, 'crossAttention'), join(torch, 'multihead_attn'), dimension),
    ...feedForward(ours, torch),
    ...norms(ours, torch, 3),
  ];
}

export function layers(
  ours: string,
  torch: string,
  count: number,
  layer: (ours: string, torch: string) => Link[],
): Link[] {
  return Array.from({ length: count }, (_, i) => layer(join(ours, `layers.${i}`), join(torch, `layers.${i}`))).flat();
}

/** nn.LSTM and nn.GRU. */
export function recurrent(layerCount: number, bidirectional: boolean): Link[] {
  const names = { inputWeight: 'weight_ih', stateWeight: 'weight_hh', inputBias: 'bias_ih', stateBias: 'bias_hh' };
  const directions = bidirectional ? ['forwardLayers', 'backwardLayers'] : ['forwardLayers'];
  return directions.flatMap((direction, i) =>
    Array.from({ length: layerCount }, (_, k) =>
      Object.entries(names).map(([ours, torch]) => ({
        ours: `${direction}.${k}.${ours}`,
        torch: `${torch}_l${k}${i === 1 ? '_reverse' : ''}`,
      })),
    ).flat(),
  );
}

/** The model of the goldens: embeddings, nn.Transformer, and a linear layer for the output. */
export function transformer(dimension: number, depth: number): Link[] {
  const stack = (name: 'encoder' | 'decoder'): Link[] => [
    ...layers(name, `tr.${name}`, depth, (ours, torch) =>
      name === 'encoder' ? encoderLayer(ours, torch, dimension) : decoderLayer(ours, torch, dimension),
    ),
    ...norm(`${name}.norm`, `tr.${name}.norm`),
  ];
  return [
    { ours: 'sourceEmbedding.weight', torch: 'src.weight' },
    { ours: 'targetEmbedding.weight', torch: 'tgt.weight' },
    ...stack('encoder'),
    ...stack('decoder'),
    ...linear('output', 'out'),
  ];
}

type Numbers = Float32Array | Float64Array;

/** torch's tensors under our names; links to tensors that it does not have are left out. */
export function fromTorch(
  links: readonly Link[],
  entries: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: unknown }>,
): Map<string, LoadableEntry & { readonly data: Numbers }> {
  const used = new Set<string>();
  const ours = new Map<string, LoadableEntry & { readonly data: Numbers }>();
  for (const link of links) {
    const entry = entries.get(link.torch);
    if (entry === undefined) continue;
    used.add(link.torch);
    const data = entry.data as Numbers;
    if (link.rows === undefined) {
      ours.set(link.ours, { shape: entry.shape, data });
      continue;
    }
    const { start, count } = link.rows;
    const width = data.length / entry.shape[0];
    const shape = [count, ...entry.shape.slice(1)];
    ours.set(link.ours, { shape, data: data.subarray(start * width, (start + count) * width) });
  }
  const forgotten = [...entries.keys()].filter((name) => !used.has(name));
  if (forgotten.length > 0) throw new Error(`no parameter of ours stands for ${forgotten.join(', ')}`);
  return ours;
}
