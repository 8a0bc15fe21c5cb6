import type { Engine } from '@qkv/tensor';
import { describe } from 'vitest';

import { convolutionGoldens } from './convolutions';
import { attentionGoldens } from './attention';
import { functionGoldens } from './functions';
import { layerGoldens } from './layers';
import { optimizerGoldens } from './optimizers';
import { positionGoldens } from './positions';
import { recurrentGoldens } from './recurrent';
import { transformerGoldens } from './transformers';
import type { Place, Precision } from './verify';

/**
 * PyTorch's values, and all of its gradients, on one engine: within 1e−10 in float64, within ten times torch's own
 * float32 error plus a millionth of the largest value in float32. Runs in Node and in the browser.
 */
export function goldenSuite(name: string, createEngine: () => Engine | Promise<Engine>, precision: Precision): void {
  describe(`goldens on ${name}`, () => {
    let made: Promise<Place> | undefined;
    const place = (): Promise<Place> =>
      (made ??= Promise.resolve(createEngine()).then((engine) => ({ engine, precision })));
    functionGoldens(place);
    attentionGoldens(place);
    layerGoldens(place);
    positionGoldens(place);
    convolutionGoldens(place);
    recurrentGoldens(place);
    transformerGoldens(place);
    optimizerGoldens(place);
  });
}
