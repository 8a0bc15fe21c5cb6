import { expect, test } from 'vitest';

import { parseOptions, usage } from './options';

const cases = [
  { name: 'gemm', title: 'Products' },
  { name: 'step', title: 'A step' },
  { name: 'long', title: 'Hours', optional: true },
];
const parse = (text: string): ReturnType<typeof parseOptions> =>
  parseOptions(text === '' ? [] : text.split(' '), cases);

test('by default all usual cases run, beside peers, and are drawn', () => {
  expect(parse('')).toEqual({
    cases: ['gemm', 'step'],
    full: false,
    peers: true,
    profile: false,
    rounds: undefined,
    json: undefined,
    svg: 'bench.svg',
  });
  expect(parse('--full')).toMatchObject({ cases: ['gemm', 'step', 'long'], full: true });
});

test('names choose cases, in the order of the table; a part is not drawn unless asked for', () => {
  expect(parse('--only long,gemm')).toMatchObject({ cases: ['gemm', 'long'], svg: undefined });
  expect(parse('--only gemm --svg a.svg')).toMatchObject({ svg: 'a.svg' });
  expect(parse('--no-svg')).toMatchObject({ svg: undefined });
  expect(parse('--profile')).toMatchObject({ cases: [], profile: true });
  expect(parse('--profile --only step')).toMatchObject({ cases: ['step'], profile: true });
});

test('pnpm passes -- on; help is no error', () => {
  expect(parse('-- --no-peers --rounds 3 --json out.json')).toMatchObject({
    peers: false,
    rounds: 3,
    json: 'out.json',
  });
  expect(parse('--peers')).toMatchObject({ peers: true });
  expect(parse('--only nonsense --help')).toBeNull();
  expect(usage(cases)).toContain('  long  Hours (with --full or --only)');
});

test.each([
  ['--only gem', "there is no case 'gem'; there are gemm, step, long"],
  ['--rounds 0', "--rounds needs a positive integer, got '0'"],
  ['--rounds 2.5', "--rounds needs a positive integer, got '2.5'"],
  ['--json=', '--json needs the name of a file'],
  ['--peers --no-peers', '--peers and --no-peers exclude each other'],
  ['--fast', "Unknown option '--fast'"],
  ['gemm', "Unexpected argument 'gemm'"],
])('%s is refused in one line', (words, message) => {
  let error: Error | undefined;
  try {
    parse(words);
  } catch (caught) {
    error = caught as Error;
  }
  expect(error?.message.startsWith(message)).toBe(true);
  expect(error?.message).not.toContain('\n');
});
