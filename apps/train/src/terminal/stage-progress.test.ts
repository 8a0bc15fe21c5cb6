import { PassThrough } from 'node:stream';

import { expect, test } from 'vitest';

import { StageProgress } from './stage-progress';

test('a line now and then, with the time that the stage has left', () => {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream & PassThrough;
  let now = 0;
  const progress = new StageProgress({ stream, interval: 10, now: () => now });
  progress.update({ stage: 'reading', done: 1, total: 4 });
  now = 12;
  progress.update({ stage: 'reading', done: 2, total: 4 });
  now = 13;
  progress.update({ stage: 'merges', done: 0, total: 10 });
  now = 23;
  progress.update({ stage: 'merges', done: 1, total: 10 });
  progress.stop();
  expect(String(stream.read())).toBe('reading 2/4  12 s left\nmerges 1/10  1:30 min left\n');
});

test('a bar where somebody looks on', () => {
  const stream = Object.assign(new PassThrough(), {
    isTTY: true,
    columns: 80,
    cursorTo() {},
    clearLine() {},
    moveCursor() {},
  });
  const progress = new StageProgress({ stream: stream as unknown as NodeJS.WriteStream });
  progress.update({ stage: 'merges', done: 0, total: 10 });
  progress.update({ stage: 'merges', done: 10, total: 10 });
  progress.stop();
  expect(String(stream.read())).toContain('merges');
});
