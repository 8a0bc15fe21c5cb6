import { describe, expect, test } from 'vitest';

import { MODELS } from '../workload.mjs';
import { formatRatio, othersOf, pairedRatio, verdictOf } from './bar';
import { comparison } from './comparison';
import { decodeReport } from './decode';
import { machineReport } from './machine';
import { memoryReport } from './memory';
import { outcomeOf, roundsOf } from './outcome-for-tests';
import { startReport } from './start';
import { stepReport, traceReport } from './step';
import { failures, table } from './table';
import { tokenizersReport } from './tokenizers';

const item = { name: 'softmax', flops: 2e6, bytes: 8e6 };
const ours = outcomeOf('qkv 1t', {
  own: true,
  baseline: true,
  threads: 1,
  rounds: [1, 2, 3].map((ms) => ({ 'softmax ms': [ms], 'softmax cpu': [ms], 'softmax peak': [4], peak: [4] })),
});

describe('ratios', () => {
  test('are of the same rounds, over those that both took part in', () => {
    const slow = outcomeOf('slow', { rounds: roundsOf('softmax', [10, 20]) });
    expect(pairedRatio(slow, 'softmax ms', ours, 'softmax ms')).toMatchObject({
      median: 10,
      q1: 10,
      q3: 10,
      samples: 2,
    });
    const longer = outcomeOf('longer', { rounds: roundsOf('softmax', [2, 4, 6, 800]) });
    expect(pairedRatio(longer, 'softmax ms', ours, 'softmax ms')).toMatchObject({ q1: 2, q3: 2, samples: 3 });
    expect(pairedRatio(outcomeOf('gone'), 'softmax ms', ours, 'softmax ms')).toBeNull();
    expect(pairedRatio(slow, 'other ms', ours, 'softmax ms')).toBeNull();
  });

  test('are a verdict only where both quartiles agree', () => {
    const summary = { median: 1, samples: 9 };
    expect(verdictOf({ ...summary, q1: 1.01, q3: 2 })).toBe('ahead');
    expect(verdictOf({ ...summary, q1: 0.5, q3: 0.99 })).toBe('behind');
    expect(verdictOf({ ...summary, q1: 0.9, q3: 1.1 })).toBe('even');
    expect(formatRatio({ median: 0.5, q1: 0.4, q3: 0.6, samples: 3 })).toBe('0.50 (0.40–0.60)');
  });

  test('are taken under the same Node; what has none goes with the first', () => {
    const [first, second] = ['v20', 'v24'].map((runtime) => outcomeOf('qkv', { baseline: true, runtime }));
    const [peer, python] = [outcomeOf('peer', { runtime: 'v24' }), outcomeOf('torch', { runtime: 'Python 3' })];
    const all = [first, second, peer, python];
    expect(othersOf(all, first).map(({ label }) => label)).toEqual(['torch']);
    expect(othersOf(all, second).map(({ label }) => label)).toEqual(['peer']);
  });
});

describe('a comparison', () => {
  const faster = outcomeOf('fast', { rounds: roundsOf('softmax', [0.5, 1, 1.5]) });
  const slower = outcomeOf('slow', { rounds: roundsOf('softmax', [4, 8, 12]) });
  const broken = outcomeOf('broken', { failure: 'no such kernel' });
  const partial = outcomeOf('partial', { rounds: [{}, {}, {}], facts: { 'failed: softmax': 'out of memory' } });

  test('says the spread, the share of the bound, and who is faster', () => {
    const { text, bars } = comparison([ours, faster, slower], { items: [item], count: 'bytes' });
    const [head, , row, first, second] = text.split('\n').map((line) => line.split(/\s{2,}/));
    expect(head).toEqual(['qkv 1t, v20', 'ms', 'quartiles', 'GB/s', 'of bound', 'fast ÷', 'slow ÷', 'behind']);
    // 8 MB in 2 ms are 4 GB/s, which is the peak.
    expect(row).toEqual([
      'softmax',
      '2.00',
      '1.50–2.50',
      '4.0',
      '100.0 %',
      '0.50 (0.50–0.50)',
      '4.00 (4.00–4.00)',
      'fast',
    ]);
    expect(first[0]).toBe(
      'fast: we are behind in 1, even in 0, ahead in 0 of 1; its time ÷ ours is 0.50 (0.50–0.50 over these)',
    );
    expect(second[0]).toContain('slow: we are behind in 0, even in 0, ahead in 1 of 1');
    expect(bars.map(({ subject, ratio }) => [subject, ratio.median])).toEqual([
      ['fast', 0.5],
      ['slow', 4],
    ]);
  });

  test('names what failed, as a whole or in one item, with its message', () => {
    const { text, bars } = comparison([ours, broken, partial], { items: [item], count: 'bytes' });
    expect(
      text
        .split('\n')[2]
        .split(/\s{2,}/)
        .slice(5, 7),
    ).toEqual(['FAILED', 'FAILED']);
    expect(text).toContain('broken on v20 FAILED: no such kernel');
    expect(text).toContain('partial on v20 FAILED at softmax: out of memory');
    expect(bars).toEqual([]);
  });

  test('leaves out what nobody was asked for, and says what we alone lack', () => {
    const other = outcomeOf('other', { rounds: roundsOf('gelu', [1, 1]) });
    const items = ['softmax', 'gelu', 'never'].map((name) => ({ ...item, name }));
    const lines = comparison([ours, other], { items, count: 'bytes' }).text.split('\n');
    expect(lines[2]).toMatch(/^softmax /);
    expect(lines[3]).toMatch(/^gelu .* not measured$/);
    expect(lines[4]).not.toMatch(/^never/);
  });

  test('says whether threads were used', () => {
    const rounds = [1, 2, 3].map(() => ({ 'softmax ms': [2], 'softmax cpu': [3.8] }));
    const { text } = comparison([ours, outcomeOf('ort 2t', { threads: 2, rounds })], { items: [item], count: 'bytes' });
    expect(text).toContain('ort 2t on v20 kept at most 1.9 cores busy (softmax)');
  });

  test('without a figure of our own says that', () => {
    const { text } = comparison([outcomeOf('qkv 1t', { own: true, baseline: true, failure: 'no memory' })], {
      items: [item],
      count: 'flops',
    });
    expect(text.trim()).toBe('qkv 1t on v20 FAILED: no memory');
  });

  test('failures after some rounds say after how many', () => {
    expect(failures([outcomeOf('late', { rounds: [{}, {}], failure: 'gone' })])).toEqual([
      'late on v20 FAILED after 2 rounds: gone',
    ]);
  });
});

describe('a training step', () => {
  const own = (threads: number, ms: number, cpu: number): ReturnType<typeof outcomeOf> => {
    const series = {
      're-traced ms': [ms],
      're-traced cpu': [cpu],
      're-traced trace': [1],
      're-traced rest': [2],
      peak: [50],
    };
    const facts = {
      'first loss': 2.3,
      numerics: 'wasm-fma',
      plan: '3 steps',
      'arena bytes': 2 ** 21,
      'RSS before': 40,
    };
    const rounds = [1, 2, 3].map(() => ({ ...series, 'peak RSS': [100] }));
    return outcomeOf(`qkv ${threads}t`, { own: true, baseline: threads === 1, threads, rounds, facts });
  };
  const torch = outcomeOf('torch 2t', {
    runtime: 'Python 3',
    threads: 2,
    rounds: roundsOf('step', [50, 50, 50]).map((series) => ({ ...series, 'peak RSS': [300] })),
    facts: { 'first loss': 2.31, 'saved bytes': 2 ** 22, 'RSS before': 200 },
  });
  const outcomes = [own(1, 200, 200), own(2, 100, 190), torch, outcomeOf('tfjs 1t', { failure: 'no wasm' })];

  test('compares with ours of as many threads, and says where we lose', () => {
    const { text, bars } = stepReport(outcomes, MODELS.step);
    const line = text.split('\n').find((row) => row.startsWith('torch 2t '))!;
    expect(line.split(/\s{2,}/).slice(-3)).toEqual(['0.25 (0.25–0.25)', '0.50 (0.50–0.50)', 'behind']);
    expect(text.split('\n').find((row) => row.startsWith('tfjs'))).toMatch(/FAILED$/);
    expect(text).toContain('tfjs 1t on v20 FAILED: no wasm');
    expect(text).toContain('2 threads over 1, re-traced, on v20: 2.00 (2.00–2.00) times as fast\n');
    expect(bars.map(({ subject, ratio }) => [subject, ratio.median])).toEqual([['torch 2t', 0.5]]);
  });

  test('does not claim to be ahead of threads that had no cores', () => {
    const slow = (threads: number): ReturnType<typeof outcomeOf> =>
      outcomeOf('slow', { threads, rounds: roundsOf('step', [900, 900, 900]), facts: { 'first loss': 2.3 } });
    const verdict = (threads: number): string | undefined =>
      /^slow .* (\w+)$/m.exec(stepReport([own(1, 200, 200), own(2, 100, 190), slow(threads)], MODELS.step).text)?.[1];
    expect([verdict(1), verdict(2)]).toEqual(['ahead', 'unclear']);
  });

  test('says so if threads were asked for and never worked', () => {
    const { text } = stepReport([own(1, 200, 200), own(2, 200, 200)], MODELS.step);
    expect(text).toContain('1.00 (1.00–1.00) times as fast; it kept 1.0 cores busy, so it has no threads here');
  });

  test('shows the work of JavaScript as a share', () => {
    const { text } = traceReport(outcomes);
    expect(text.split('\n')[2].split(/\s{2,}/)).toEqual([
      'qkv 1t, re-traced',
      'v20',
      '1.00',
      '1.00–1.00',
      '0.5 %',
      '2.00',
      '2.00–2.00',
      '1.5 %',
    ]);
  });

  test('shows memory beside what torch saves', () => {
    const { text } = memoryReport(outcomes);
    expect(text.split('\n')[2].split(/\s{2,}/)).toEqual(['qkv 1t', 'v20', '100', '60', '2.0', '–', '–']);
    expect(text).toContain('arena ÷ activations that torch saves: 0.50');
    expect(memoryReport([own(1, 1, 1)]).text).toContain('arena ÷ activations that torch saves: not measured');
  });
});

test('decoding shows by how much the cache wins, and that a token does not cost more at the end', () => {
  const series = { 'B=1 tokens/s with cache': [200], 'B=1 tokens/s without cache': [50], 'B=1 JavaScript µs': [30] };
  const lengths = {
    'B=1 ms with cache at 16': [2],
    'B=1 ms without cache at 16': [1],
    'B=1 ms with cache at 512': [3],
    'B=1 ms without cache at 512': [90],
  };
  const rounds = [1, 2, 3].map(() => ({ ...series, ...lengths }));
  const { text, bars } = decodeReport([outcomeOf('qkv 1t', { own: true, baseline: true, rounds })]);
  expect(text).toMatch(/batch 1, 128 tokens each +200 +200–200 +50 +50–50 +4\.00 +30 +30–30/);
  expect(text).toMatch(/batch 1, token 16 .* 0\.50 \(0\.50–0\.50\) +the cache loses/);
  expect(text).toContain('batch 1: with the cache, token 512 takes 1.50 (1.50–1.50) times as long as token 16');
  expect(bars).toHaveLength(2);
});

test('start-up says who is faster and who is smaller', () => {
  const facts = (gzip: number): Record<string, number> => ({ 'script bytes': 2 * gzip, 'script gzip': gzip });
  const { text, bars } = startReport([
    outcomeOf('qkv', { own: true, baseline: true, rounds: roundsOf('start', [100, 100]), facts: facts(60_000) }),
    outcomeOf('node alone', { rounds: roundsOf('start', [40, 40]) }),
    outcomeOf('small', { rounds: roundsOf('start', [50, 50]), facts: facts(20_000) }),
  ]);
  expect(text).toMatch(/small .* 0\.50 \(0\.50–0\.50\) .* 20\.0 +behind in time/);
  expect(text).toContain('we are behind in bytes: small');
  expect(bars.map(({ subject }) => subject)).toEqual(['small']);
});

test('tokenizers are compared in megabytes per second, if they find the same tokens', () => {
  const name = 'BERT (WordPiece)';
  const facts = { megabytes: '10.0', [`tokens ${name}`]: 7 };
  const { text, bars } = tokenizersReport([
    outcomeOf('qkv', { own: true, baseline: true, rounds: roundsOf(name, [500, 500]), facts }),
    outcomeOf('rust 1t', { rounds: roundsOf(name, [250, 250]), facts: { ...facts, [`tokens ${name}`]: 8 } }),
  ]);
  expect(text).toMatch(/^BERT \(WordPiece\) +2\.00 +2\.00–2\.00 +0\.50 \(0\.50–0\.50\) +rust 1t$/m);
  expect(text).toContain('BERT (WordPiece): the libraries find different numbers of tokens: qkv 7, rust 1t 8');
  expect(bars.map(({ subject }) => subject)).toEqual(['rust 1t']);
});

test('the machine is shown by its peaks', () => {
  const rounds = [60, 62].map((peak) => ({ 'arithmetic, 1 core GFLOP/s': [peak], 'peak RSS': [1] }));
  expect(
    machineReport([outcomeOf('qkv', { rounds })])
      .text.split('\n')[2]
      .split(/\s{2,}/),
  ).toEqual(['arithmetic, 1 core', 'v20', '61.0', '60.5–61.5', 'GFLOP/s']);
});

test('columns are as wide as their widest cell', () => {
  expect(table(['a', 'long'], [['first', '1']])).toBe('a      long\n─────  ────\nfirst     1');
});
