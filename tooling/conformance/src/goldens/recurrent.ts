import { goldenNames, loadGolden } from '@qkv/goldens';
import { GRU, LSTM } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';
import { test } from 'vitest';

import * as names from './torch-names';
import { type Place, verify } from './verify';

interface Config {
  readonly layers?: number;
  readonly bidirectional?: boolean;
  readonly bias?: boolean;
}

const recurrent = goldenNames.filter((name) => /^(lstm|gru)_/.test(name));

export function recurrentGoldens(place: () => Promise<Place>): void {
  test.each(recurrent)('%s', async (name) => {
    const golden = await loadGolden(name);
    const config = golden.config as Config;
    // The two that make_goldens.py made say it in their names.
    const { layers = 1, bidirectional = name.endsWith('_bidir'), bias } = config;
    const hidden = golden.weights.get('weight_hh_l0')!.shape[1];
    const options = { inputs: golden.inputs.get('x')!.shape[2], hidden, layers, bidirectional, bias };
    const module = name.startsWith('lstm') ? new LSTM(options) : new GRU(options);
    await verify(golden, await place(), {
      module,
      links: names.recurrent(layers, bidirectional).filter(({ torch }) => golden.weights.has(torch)),
      compute: ({ x, G, blocked, h0, c0, Gh, Gc }) => {
        const state = h0 === undefined ? undefined : { hidden: h0, cell: c0 };
        const mask = blocked?.not();
        const { output, state: last } = module.forward(x, { state, mask } as never);
        const { hidden: h, cell: c } = last as Record<string, Tensor>;
        const terms: [Tensor, Tensor | undefined][] = [
          [output, G],
          [h, Gh],
          [c, Gc],
        ];
        const loss = terms
          .flatMap(([value, weight]) => (weight === undefined ? [] : [value.mul(weight).sum()]))
          .reduce((total, term) => total.add(term));
        return { y: output, ...(Gh && { h }), ...(Gc && { c }), loss };
      },
    });
  });
}
