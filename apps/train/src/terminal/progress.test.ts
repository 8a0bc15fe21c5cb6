import { PassThrough } from 'node:stream';

import { expect, test } from 'vitest';

import { formatSeconds, Progress } from './progress';

function record(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, cursorTo() {}, clearLine() {} });
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => chunks.join('') };
}

test('without a terminal: a line now and then, and one at the end', () => {
  let now = 100;
  const { stream, text } = record(false);
  const progress = new Progress({ steps: 5, stream, interval: 10, now: () => now });
  for (let step = 1; step <= 5; step++) {
    now += 6;
    progress.update({ step, loss: 2, tokens: 600 });
  }
  progress.stop();
  expect(text().split('\n')).toEqual([
    'step 2/5  loss 2.000  100 tokens/s  18 s left',
    'step 4/5  loss 2.000  100 tokens/s  6 s left',
    'step 5/5  loss 2.000  100 tokens/s  0 s left',
    '',
  ]);
  expect(progress.seconds).toBe(30);
});

test('the loss is a running mean', () => {
  const { stream, text } = record(false);
  const progress = new Progress({ steps: 2, stream, now: () => 0 });
  progress.update({ step: 1, loss: 4, tokens: 1 });
  progress.update({ step: 2, loss: 3, tokens: 1 });
  expect(text()).toContain('loss 3.950');
});

test('on a terminal: a bar with loss, speed and time left', () => {
  let now = 0;
  const { stream, text } = record(true);
  const progress = new Progress({ steps: 2, stream, now: () => now });
  now = 1;
  progress.update({ step: 1, loss: 4, tokens: 50 });
  progress.stop();
  expect(text()).toContain('50% │ step 1/2 │ loss 4.000 │ 50 tokens/s │ 1 s left');
});

test('seconds, minutes and hours', () => {
  expect([0.4, 59.4, 59.6, 125, 3725].map(formatSeconds)).toEqual(['0 s', '59 s', '1:00 min', '2:05 min', '1:02:05 h']);
});
