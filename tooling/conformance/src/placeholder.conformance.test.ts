import { expect, test } from 'vitest';

test('a placeholder, until the suite is here', () => {
  expect(1 + 1).toBe(2);
});
