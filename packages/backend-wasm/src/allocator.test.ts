import { expect, test } from 'vitest';

import { Allocator, ALIGNMENT } from './allocator';
import { sampler } from './testing';

test('blocks are aligned, never overlap, and come back whole', () => {
  const random = sampler(3);
  let end = 0;
  const allocator = new Allocator(100, (next) => ((end = next), true));
  let blocks: { start: number; bytes: number }[] = [];
  for (let round = 0; round < 2000; round++) {
    const bytes = random.int(3000);
    const start = allocator.allocate(bytes);
    expect(start % ALIGNMENT).toBe(0);
    expect(blocks.filter((other) => start < other.start + other.bytes && other.start < start + bytes)).toEqual([]);
    blocks.push({ start, bytes });
    const freed = blocks.filter(() => random.int(blocks.length > 40 ? 2 : 30) === 0);
    for (const block of freed) allocator.free(block.start);
    blocks = blocks.filter((block) => !freed.includes(block));
  }
  const used = blocks.reduce((sum, { bytes }) => sum + Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT, 0);
  expect(allocator.bytes).toBe(used);
  for (const { start } of blocks) allocator.free(start);
  expect(allocator.bytes).toBe(0);
  const reached = end;
  expect(allocator.allocate(reached - 128)).toBe(128);
  expect(end).toBe(reached);
});

test('refuses what cannot grow, and goes on', () => {
  const allocator = new Allocator(0, (end) => end <= 1024);
  const first = allocator.allocate(512);
  expect(allocator.allocate(600)).toBe(-1);
  expect(allocator.allocate(512)).toBe(512);
  allocator.free(first);
  expect(allocator.allocate(512)).toBe(first);
  expect(() => allocator.free(7)).toThrow('no block');
});
