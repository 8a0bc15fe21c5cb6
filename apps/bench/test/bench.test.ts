import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'qkv-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

function bench(...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const loader = ['--conditions=@qkv/source', '--import', 'tsx'];
    const child = spawn(process.execPath, [...loader, main, ...words], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

test('one case, from the command line to its files', { timeout: 60_000 }, async () => {
  const [json, svg] = [join(folder, 'out.json'), join(folder, 'out.svg')];
  const { code, out, err } = await bench(
    '--only',
    'elementwise',
    '--no-peers',
    '--rounds',
    '1',
    '--json',
    json,
    '--svg',
    svg,
  );
  expect(err).toMatch(/^\[1\/1\] elementwise · about \d:\d\d left\n$/);
  expect(out).toMatch(/## Element-wise work, softmax, layer norm\n1 round, taking turns/);
  expect(out).toMatch(/^softmax 2048×1024 +[\d.]+ +[\d.]+–[\d.]+ +[\d.]+ +[\d.]+ %$/m);
  expect(code).toBe(0);
  const { results, options } = JSON.parse(readFileSync(json, 'utf8')) as Record<string, any>;
  expect(options).toMatchObject({ cases: ['elementwise'], peers: false });
  expect(results.elementwise.outcomes[0]).toMatchObject({ label: 'qkv 1t', own: true });
  expect(results.elementwise.outcomes[0].rounds[0]['add 2048×1024 ms']).toHaveLength(1);
  expect(readFileSync(svg, 'utf8')).toMatch(/^<svg /);
  expect(readdirSync(folder).sort()).toEqual(['out.json', 'out.svg']); // nothing half written
});

test('mistakes are one line, and exit code 1', { timeout: 60_000 }, async () => {
  const unknown = await bench('--only', 'speed');
  expect([unknown.code, unknown.out]).toEqual([1, '']);
  expect(unknown.err).toMatch(/^bench: there is no case 'speed'; there are machine, gemm, .*\n$/);
  const help = await bench('--help');
  expect([help.code, help.err]).toEqual([0, '']);
});
