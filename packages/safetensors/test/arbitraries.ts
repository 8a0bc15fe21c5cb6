import fc from 'fast-check';

import { dtypes } from '../src/index';
import { seeded, tensorOf } from './support';

const anyText = fc.string({ unit: 'binary', maxLength: 12 });

const anyTensor = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
    seed: fc.nat(),
  })
  .map(({ dtype, shape, seed }) => {
    const next = seeded(seed);
    return tensorOf(dtype, shape, () => next(dtype === 'BOOL' ? 2 : 256));
  });

const anyName = fc
  .oneof(anyText, fc.constantFrom('', '__proto__', 'constructor', 'toString', 'dtype', '\ufffd', '\u{1f600}', '"\\\n'))
  .filter((name) => name !== '__metadata__');

export const anyTensors = fc
  .uniqueArray(fc.tuple(anyName, anyTensor), { maxLength: 6, selector: ([name]) => name })
  .map((entries) => new Map(entries));

export const anyMetadata = fc
  .uniqueArray(fc.tuple(fc.oneof(anyText, fc.constant('__proto__')), anyText), {
    maxLength: 3,
    selector: ([key]) => key,
  })
  .map((entries) => new Map(entries));
