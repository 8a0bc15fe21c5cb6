import { expect, test } from 'vitest';

import { busySeconds, secondsOf } from './others';

test('the machine is busy with all but idling and waiting', () => {
  // user nice system idle iowait irq softirq steal guest guest_nice
  expect(busySeconds('cpu  100 200 300 9999 9999 10 20 70 5 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n')).toBe(7);
  expect(busySeconds('')).toBeNaN();
});

test('a process may be called anything', () => {
  const stat = '42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 30 70 20 0';
  expect(secondsOf(42, false, stat)).toBe(2);
  expect(secondsOf(42, true, stat)).toBe(3);
  expect(secondsOf(42, true, '')).toBeNaN();
});
