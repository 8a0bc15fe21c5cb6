import { DecoderLayer, Encoder, EncoderLayer, MultiHeadAttention } from '@qkv/attention';
import { loadGolden } from '@qkv/goldens';
import type { Tensor } from '@qkv/tensor';
import { test } from 'vitest';

import * as names from './torch-names';
import { type Place, verify } from './verify';

type Inputs = Record<string, Tensor>;

/** torch's key padding mask, 1 = blocked, (B, S) → ours, (B, 1, 1, S). */
const open = (mask: Tensor | undefined): Tensor | undefined => mask?.not().unsqueeze(1).unsqueeze(1);

const weighted = (y: Tensor, { G }: Inputs): { y: Tensor; loss: Tensor } => ({ y, loss: y.mul(G).sum() });

interface AttentionConfig {
  readonly E: number;
  readonly heads: number;
  readonly bias?: boolean;
  readonly kdim?: number;
  readonly vdim?: number;
  readonly fm?: number;
}

function attentionOptions(inputs: Inputs, config: AttentionConfig): { mask?: Tensor; bias?: Tensor } {
  const over = (x: Tensor): Tensor => x.unsqueeze(0).unsqueeze(0); // (T, S) → (1, 1, T, S)
  const mask = open(inputs.key_padding_mask);
  if (inputs.attn_mask === undefined) return { mask };
  if (config.fm) return { mask, bias: over(inputs.attn_mask) };
  const allowed = over(inputs.attn_mask.not());
  return { mask: mask === undefined ? allowed : mask.and(allowed) };
}

const attention = [
  'self',
  'self_kpm',
  'self_causal',
  'self_causal_kpm',
  'self_floatmask',
  'self_nobias',
  'self_truncated_w2',
  'cross_kpm',
  'cross_kdim_vdim',
  '1head',
];

export function layerGoldens(place: () => Promise<Place>): void {
  test.each(attention)('mha_%s', async (name) => {
    const golden = await loadGolden(`mha_${name}`);
    const config = golden.config as unknown as AttentionConfig;
    const { E, heads, bias, kdim, vdim } = config;
    const module = new MultiHeadAttention({ dimension: E, heads, bias, keyDimension: kdim, valueDimension: vdim });
    const links = names.multiHeadAttention('', '', E, kdim !== undefined);
    await verify(golden, await place(), {
      module,
      links,
      compute: (inputs) => {
        const key = inputs.k ?? inputs.kv ?? inputs.q;
        const value = inputs.v ?? inputs.kv ?? inputs.q;
        const options = attentionOptions(inputs, config);
        const attn = module.attentionWeights(inputs.q, key, options);
        return { ...weighted(module.forward(inputs.q, key, value, options), inputs), attn };
      },
    });
  });

  test.each(['mha_self_causal', 'mha_self_causal_kpm'])('%s with the causal option', async (name) => {
    const golden = await loadGolden(name);
    const { E, heads } = golden.config as unknown as AttentionConfig;
    const module = new MultiHeadAttention({ dimension: E, heads });
    await verify(golden, await place(), {
      module,
      links: names.multiHeadAttention('', '', E),
      compute: (inputs) => {
        const options = { causal: true, mask: open(inputs.key_padding_mask) };
        const { q } = inputs;
        return { ...weighted(module.forward(q, q, q, options), inputs), attn: module.attentionWeights(q, q, options) };
      },
    });
  });

  test.each([
    ['post', 'relu'],
    ['post', 'gelu'],
    ['pre', 'relu'],
    ['pre', 'gelu'],
  ] as const)('enc_layer_%s_%s', async (normalization, activation) => {
    const golden = await loadGolden(`enc_layer_${normalization}_${activation}`);
    const { E: dimension, heads, ff: feedForward } = golden.config as Record<string, number>;
    const module = new EncoderLayer({ dimension, heads, feedForward, normalization, activation, dropout: 0 });
    await verify(golden, await place(), {
      module,
      links: names.encoderLayer('', '', dimension),
      compute: (inputs) => weighted(module.forward(inputs.x, { mask: open(inputs.src_key_padding_mask) }), inputs),
    });
  });

  test.each(['post', 'pre_finalnorm'])('encoder3_%s', async (name) => {
    const golden = await loadGolden(`encoder3_${name}`);
    const { E: dimension, heads, ff: feedForward, layers } = golden.config as Record<string, number>;
    const normalization = name === 'post' ? 'post' : 'pre';
    const module = new Encoder({ dimension, heads, feedForward, layers, normalization, dropout: 0 });
    await verify(golden, await place(), {
      module,
      links: [
        ...names.layers('', '', layers, (ours, torch) => names.encoderLayer(ours, torch, dimension)),
        ...names.norm('norm', 'norm'),
      ],
      compute: (inputs) => weighted(module.forward(inputs.x, { mask: open(inputs.src_key_padding_mask) }), inputs),
    });
  });

  test.each(['post', 'pre'] as const)('dec_layer_%s', async (normalization) => {
    const golden = await loadGolden(`dec_layer_${normalization}`);
    const { E: dimension, heads, ff: feedForward } = golden.config as Record<string, number>;
    const module = new DecoderLayer({ dimension, heads, feedForward, normalization, dropout: 0 });
    await verify(golden, await place(), {
      module,
      links: names.decoderLayer('', '', dimension),
      compute: (inputs) => {
        // in.tgt_mask is the causal one, which a decoder layer always has.
        const masks = { mask: open(inputs.tgt_key_padding_mask), memoryMask: open(inputs.memory_key_padding_mask) };
        return weighted(module.forward(inputs.x, inputs.mem, masks), inputs);
      },
    });
  });
}
