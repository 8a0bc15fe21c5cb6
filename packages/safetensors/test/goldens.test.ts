import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { parse, serialize } from '../src/index';
import { rawBytes } from './support';

const folder = new URL('../../../tooling/goldens/data/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));

describe('the golden files, written by another program and not canonical', () => {
  it('are there', () => expect(names.length).toBeGreaterThan(50));

  it.each(names)('%s is read, and means the same in canonical form', (name) => {
    const { tensors } = parse(new Uint8Array(readFileSync(new URL(name, folder))));
    expect(tensors.size).toBeGreaterThan(0);
    const again = parse(serialize(tensors)).tensors;
    for (const [key, entry] of tensors) {
      expect(again.get(key)!.shape).toEqual(entry.shape);
      expect(Buffer.compare(rawBytes(again.get(key)!), rawBytes(entry))).toBe(0);
    }
  });

  it('hold the numbers that stand in the manifest', () => {
    const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as {
      cases: Record<string, { scalars?: Record<string, number> }>;
    };
    const expected: [name: string, key: string, value: number][] = [];
    const found: typeof expected = [];
    for (const [name, { scalars = {} }] of Object.entries(manifest.cases)) {
      const { tensors } = parse(new Uint8Array(readFileSync(new URL(`${name}.safetensors`, folder))));
      for (const [key, value] of Object.entries(scalars)) {
        if (!tensors.has(key)) continue;
        expected.push([name, key, value]);
        found.push([name, key, Number(tensors.get(key)!.data[0])]);
      }
    }
    expect(found.length).toBeGreaterThan(20);
    expect(found).toEqual(expected);
  });
});
