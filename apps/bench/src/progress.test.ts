import { PassThrough } from 'node:stream';

import { expect, test } from 'vitest';

import { formatLeft, Progress } from './progress';

test('time is given in steps of five seconds', () => {
  expect(formatLeft(63)).toBe('about 1:05 left');
  expect(formatLeft(12)).toBe('about 0:10 left');
  expect(formatLeft(600)).toBe('about 10:00 left');
  expect(formatLeft(2)).toBe('nearly done');
});

function record(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 60 });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => String(stream.read() ?? '') };
}

test('a log has one line for each case', () => {
  const { stream, text } = record(false);
  let now = 0;
  const progress = new Progress([60, 30], stream, () => now);
  progress.begin('gemm');
  progress.show('round 1 of 2');
  progress.end();
  now = 80_000;
  progress.begin('step');
  expect(text()).toBe('[1/2] gemm · about 1:30 left\n[2/2] step · about 0:30 left\n');
});

test('a terminal has one line that changes, and never wraps', () => {
  const { stream, text } = record(true);
  const progress = new Progress([60], stream, () => 0);
  progress.begin('gemm');
  progress.show(`round 1 of 2 ${'x'.repeat(80)}`);
  progress.end();
  const [, line] = text().split('\r\u001b[K');
  expect(line).toMatch(/^\[1\/1\] gemm · round 1 of 2 x+$/);
  expect(line).toHaveLength(59);
});
