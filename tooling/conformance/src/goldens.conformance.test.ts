import { createReferenceBackend, Engine } from '@qkv/tensor';

import { BACKENDS } from './backends';
import { goldenSuite } from './goldens';

goldenSuite(
  'the reference backend, float64',
  () => new Engine(createReferenceBackend({ precision: 'float64' })),
  'float64',
);

for (const [name, createBackend] of BACKENDS)
  goldenSuite(name, async () => new Engine(await createBackend()), 'float32');
