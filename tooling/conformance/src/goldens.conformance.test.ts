import { createReferenceBackend, Engine } from '@qkv/tensor';

import { goldenSuite } from './goldens';

for (const precision of ['float64', 'float32'] as const) {
  goldenSuite(
    `the reference backend, ${precision}`,
    () => new Engine(createReferenceBackend({ precision })),
    precision,
  );
}
