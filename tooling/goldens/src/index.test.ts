import { expect, test } from 'vitest';

import { goldenNames, loadGolden } from './index';

test('every case of the manifests has its file', async () => {
  expect(goldenNames).toHaveLength(59 + 30);
  for (const name of goldenNames) expect((await loadGolden(name)).outputs.size).toBeGreaterThan(0);
});

test('tensors come under their names, with their statistics', async () => {
  const golden = await loadGolden('ce_plain');
  expect([...golden.inputs.keys()]).toEqual(['logits', 'target']);
  expect(golden.outputs.get('loss')!.data[0]).toBe(golden.scalars!['out.loss']);
  expect(golden.stats!['g.logits'].max).toBeGreaterThan(0);
});
