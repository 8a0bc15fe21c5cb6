import { expectSize, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { dropPathRates } from './drop-path';
import { createNorm, type Norm } from './norm';
import type { ResidualOptions } from './residual';

export interface LayerStackOptions extends ResidualOptions {
  /** Number of layers, N. */
  readonly layers: number;
  /** A norm after the last layer. By default with pre-norm, whose output would have none; torch's nn.Transformer always has it. */
  readonly finalNorm?: boolean;
}

/** Layers one after the other, and a norm after the last. `dropPath` is the rate of the last layer, to which it rises from 0. */
export abstract class LayerStack<Layer extends Module> extends Module {
  readonly layers: readonly Layer[];
  readonly norm: Norm | null;

  constructor(
    name: string,
    { layers, finalNorm, normalization, norm = 'layer', dimension, dropPath = 0 }: LayerStackOptions,
    createLayer: (dropPath: number) => Layer,
  ) {
    super();
    expectSize(name, 'layers', layers);
    this.layers = dropPathRates(dropPath, layers).map(createLayer);
    this.norm = (finalNorm ?? normalization === 'pre') ? createNorm(norm, dimension) : null;
  }

  /** What the last layer gives, through the norm if there is one. */
  protected through(x: Tensor, forward: (layer: Layer, h: Tensor, i: number) => Tensor): Tensor {
    return this.finish(this.layers.reduce((h, layer, i) => forward(layer, h, i), x));
  }

  /** x itself and what each layer gives: N + 1 tensors, each through the norm if there is one. */
  protected throughAll(x: Tensor, forward: (layer: Layer, h: Tensor, i: number) => Tensor): Tensor[] {
    const all = [x];
    this.layers.forEach((layer, i) => all.push(forward(layer, all[i], i)));
    return all.map((h) => this.finish(h));
  }

  private finish(y: Tensor): Tensor {
    return this.norm === null ? y : this.norm.forward(y);
  }
}
