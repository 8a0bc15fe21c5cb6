import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { encodeEvent, encodeFileVersion } from './tensorboard';

test('an event file equals the one that TensorBoard writes, byte for byte', () => {
  // The cases of test/oracle/make_oracle.py.
  const ours = Buffer.concat([
    encodeFileVersion(1_700_000_000),
    encodeEvent(1, { loss: 2.5 }, 1_700_000_000.25),
    encodeEvent(300, { 'validation/PER': 0.1234567, gradientNorm: 1e-30, größe: -7 }, 1_700_000_001.5),
    encodeEvent(2 ** 40 + 5, { ['x'.repeat(200)]: 3.4e38 }, 1),
    encodeEvent(7, {}, 2),
  ]);
  expect(ours).toEqual(readFileSync(new URL('../test/oracle/events.out.tfevents.oracle', import.meta.url)));
});

test('a step that is no count is refused', () => {
  expect(() => encodeEvent(-1, {}, 0)).toThrow('encodeEvent: step is -1, expected a count');
  expect(() => encodeEvent(0.5, {}, 0)).toThrow(RangeError);
});
