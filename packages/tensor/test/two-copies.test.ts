import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, test } from 'vitest';

import * as first from '../src/index';

type Package = typeof first;

const temporary = mkdtempSync(join(tmpdir(), 'qkv-two-copies-'));
afterAll(() => rmSync(temporary, { recursive: true }));

/** Another copy of the package, as another version of it would bring. */
async function copyOf(version: string, format: number): Promise<Package> {
  const folder = join(temporary, version);
  cpSync(fileURLToPath(new URL('../src', import.meta.url)), folder, { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
  const state = join(folder, 'state.ts');
  const text = readFileSync(state, 'utf8');
  const changed = text
    .replace(/GRAPH_FORMAT = \d+/, `GRAPH_FORMAT = ${format}`)
    .replace(/PACKAGE_VERSION = '[^']*'/, `PACKAGE_VERSION = '${version}'`);
  expect(changed).not.toBe(text);
  writeFileSync(state, changed);
  const entry = join(folder, 'index.ts');
  return (await import(/* @vite-ignore */ entry)) as Package;
}

const { format, version } = first.tensor(1)[Symbol.for('@qkv/tensor') as never] as { format: number; version: string };
const second = await copyOf('0.1.7', format);
const newer = await copyOf('9.0.0', format + 1);

const values = async (x: first.Tensor): Promise<number[]> => [...(await x.data())];
const later = async <T>(fn: () => T): Promise<unknown> => await fn();

describe('two copies of one format', () => {
  test('are two, and share one state', () => {
    expect(second.tensor).not.toBe(first.tensor);
    expect(second.Variable).not.toBe(first.Variable);
    expect(second.internals.state).toBe(first.internals.state);
    expect(second.defaultEngine()).toBe(first.defaultEngine());
  });

  test('take each other’s tensors, in operations, functions, lists and reads', async () => {
    const [a, b] = [first.tensor([1, 2]), second.tensor([10, 20])];
    expect([first.isTensor(b), second.isTensor(a)]).toEqual([true, true]);
    expect(await values(a.add(b))).toEqual([11, 22]);
    expect(await values(b.sub(a).mul(b.sum()))).toEqual([270, 540]);
    expect(await values(first.softmax(b.sub(b)))).toEqual([0.5, 0.5]);
    expect(await values(second.concat([a, b]))).toEqual([1, 2, 10, 20]);
    expect((await first.read([b.add(1), a.add(1)])).map((data) => [...data])).toEqual([[11, 21], [2, 3]]);
    first.validateGraph([a.add(b).exp()]);
  });

  test('take each other’s Variables, traces and compiled functions', async () => {
    const w = new second.Variable({ shape: [2], name: 'w', initialize: () => second.ones([2]) });
    const v = new first.Parameter({ shape: [2], name: 'v', initialize: () => first.zeros([2]) });
    expect([first.isVariable(w), second.isVariable(v)]).toEqual([true, true]);
    const inner = second.compile((x: first.Tensor) => x.mul(w.value));
    const step = first.compile((x: first.Tensor) => {
      w.assign(w.value.add(x));
      v.assign(inner(x) as unknown as first.Tensor);
      return first.stopGradient(v.value).add(w);
    }, { mode: 'train' });
    expect(await values(await step(second.tensor([1, 2])))).toEqual([4, 9]);
    expect(await values(await second.compile((x: first.Tensor) => x.add(v.value))(first.tensor([1, 1])))).toEqual([3, 7]);
    expect(await values(w.value)).toEqual([2, 3]);
    expect(() => second.tensor([1]).add(first.tensor([1, 2, 3])).add(first.zeros([2]))).toThrow('do not broadcast');
  });

  test('know each other’s operations', async () => {
    const made = second.defineComposite({ name: 'test.fromSecond', version: 1, infer: ([x]) => [x!], decompose: ([x]) => [x!.mul(3)] });
    expect(await values(first.tensor([2]).add(made([first.tensor([1])])[0]!))).toEqual([5]);
    expect(await values(await first.compile((x: first.Tensor) => made([x])[0]!)(first.tensor([4])))).toEqual([12]);
  });

  test('know each other’s errors', async () => {
    const engine = new first.Engine(second.createReferenceBackend({ maximumBytes: 1000 }));
    await expect(later(() => first.read([second.tensor(new Float32Array(500)).add(1)], { engine }))).rejects.toThrow(
      'out of memory: the arena of this plan needs',
    );
    await expect(later(() => first.read([first.tensor([1]).gather(second.tensor(Int32Array.of(5)))], { engine }))).rejects.toThrow(
      'id 5 is outside a table of 1 rows (step 0: gather([1], [1]))',
    );
  });
});

describe('copies of two formats', () => {
  const foreign = newer.tensor([1, 2]);
  const own = first.tensor([1, 2]);
  const message =
    `@qkv/tensor 9.0.0, which cannot be mixed with @qkv/tensor ${version}: ` +
    'install one version of it (npm ls @qkv/tensor shows who brings which)';

  test('have states of their own', () => {
    expect(newer.internals.state).not.toBe(first.internals.state);
  });

  test.each<[string, () => unknown]>([
    ['an operation', () => own.add(foreign)],
    ['a function', () => first.softmax(foreign)],
    ['a list', () => first.concat([own, foreign])],
    ['a read', () => first.read([foreign])],
    ['an argument', () => first.compile((x: first.Tensor) => x)(foreign)],
    ['a result', () => first.run(() => foreign)],
    ['an assignment', () => {
      const w = new first.Variable({ shape: [2], name: 'w', initialize: () => first.zeros([2]) });
      return first.run(() => w.assign(foreign));
    }],
    ['a Variable', () => own.add(new newer.Variable({ shape: [2], name: 'theirs', initialize: () => newer.zeros([2]) }))],
  ])('%s gives the one error that names both versions', async (_, use) => {
    await expect(later(use)).rejects.toThrow(message);
  });

  test('in the other direction as well', () => {
    expect(() => foreign.add(own)).toThrow(`a tensor comes from @qkv/tensor ${version}, which cannot be mixed with @qkv/tensor 9.0.0`);
  });
});

test('the version in a brand is that of the package', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  expect(version).toBe(manifest.version);
});
