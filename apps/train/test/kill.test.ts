/** Runs that are killed at any moment, and go on: they must end as the one that was not. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { philox } from '@qkv/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readMetrics } from '../src/run/metrics';
import { bundle, type CliOptions, reversedPairs, start, tinyOptions } from './support';

const folder = mkdtempSync(join(tmpdir(), 'qkv-kill-'));
const pairs = join(folder, 'pairs.tsv');
const momentsFile = join(folder, 'moments');
const preload = ['--import', new URL('./kill-at.mjs', import.meta.url).href];
writeFileSync(pairs, reversedPairs(120));
let main: string;
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (main !== undefined) rmSync(dirname(main), { recursive: true, force: true });
});

const STEPS = 24;
const VALIDATE_EVERY = 6;
/** Of the engine: two micro-batches, and the update itself. */
const RUNS_PER_UPDATE = 3;
/** Of the engine: the first values of what a micro-batch and an update use. */
const FIRST_VALUES = 2;
/** Dropout, a running average, micro-batches: whatever has state that could be lost. */
const settings = [
  ...tinyOptions,
  ...`--steps ${STEPS} --batch 8 --cells 2 --max-length 8 --dropout 0.1 --average 0.9 --accumulate 2`.split(' '),
  ...`--learning-rate 0.01 --validate-every ${VALIDATE_EVERY} --checkpoint-every 4 --resume auto --json`.split(' '),
  '--train',
  pairs,
];

const train = (to: string, env: Readonly<Record<string, string>> = {}, watch?: CliOptions['watch']) =>
  start([...preload, main, 'seq2seq', ...settings, '--output', to], { env, watch });

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** What must be equal to the bit: the model; weights, optimiser, average and progress of the last checkpoint; the metrics. */
function results(to: string) {
  const last = readdirSync(join(to, 'checkpoints')).sort().at(-1)!;
  const metrics = readMetrics(join(to, 'metrics.jsonl')).map((record) => ({ ...record, seconds: 0 }));
  return { model: digest(join(to, 'model.safetensors')), last, ...partsOf(join(to, 'checkpoints', last)), metrics };
}

/** Data and progress of a checkpoint, without the lengths of its logs: the seconds in them differ. */
function partsOf(path: string): { data: string; progress: unknown } {
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, end)) as { __metadata__: { progress: string } };
  const { logs, ...progress } = JSON.parse(header.__metadata__.progress) as { logs: unknown };
  return {
    data: createHash('sha256').update(bytes.subarray(end)).digest('hex'),
    progress: { ...progress, hasLogs: logs !== undefined },
  };
}

let whole: ReturnType<typeof results>;
let moments: string[];
beforeAll(async () => {
  main = await bundle();
  const to = join(folder, 'whole');
  const { code, err } = await train(to, { QKV_MOMENTS: momentsFile });
  if (code !== 0) throw new Error(`the run that is not killed ended with ${code}: ${err}`);
  whole = results(to);
  moments = readFileSync(momentsFile, 'utf8').trimEnd().split('\n');
}, 60_000);

/** Which part of a run each moment is in. */
function kinds(): Record<'beginning' | 'training' | 'evaluation' | 'checkpoint' | 'end', number[]> {
  const found: ReturnType<typeof kinds> = { beginning: [], training: [], evaluation: [], checkpoint: [], end: [] };
  const [first, last] = [
    moments.findIndex((name) => name.startsWith('after rename checkpoints/')),
    moments.findLastIndex((name) => name.startsWith('after rename checkpoints/')),
  ];
  let [runs, judging] = [-FIRST_VALUES, false];
  moments.forEach((name, i) => {
    const isSaving = name.includes('checkpoints/') || (moments[i + 1] ?? '').startsWith('after open checkpoints/');
    if (i > last) found.end.push(i);
    else if (isSaving) found.checkpoint.push(i);
    else if (judging) found.evaluation.push(i);
    else if (name === 'run') found.training.push(i);
    else if (i < first && runs < 0) found.beginning.push(i);
    if (name === 'in append') judging = false; // the scores
    if (name !== 'run' || i > last || isSaving || judging) return;
    runs++;
    judging = runs > 0 && runs % (VALIDATE_EVERY * RUNS_PER_UPDATE) === 0;
  });
  if (runs !== STEPS * RUNS_PER_UPDATE) throw new Error(`the moments show ${runs} runs of ${STEPS} updates`);
  return found;
}

/** What happens to the file of a checkpoint. */
const OPERATIONS = ['after open', 'in write', 'before sync', 'before rename', 'after rename', 'before rm', 'after rm'];
const isOf =
  (operation: string) =>
  (at: number): boolean =>
    moments[at].startsWith(operation);

/** 50 moments, the same each time: some of each kind, and some of any. */
function chosen(): { kind: string; at: number }[] {
  const all = kinds();
  const any = moments.map((_, i) => i);
  let drawn = 0;
  const taken = new Set<number>();
  const draw = (list: readonly number[]): number => {
    const free = list.filter((at) => !taken.has(at));
    const at = free[philox([drawn++, 0, 0, 0], [2026, 11])[0] % free.length];
    taken.add(at);
    return at;
  };
  const of = (kind: string, list: readonly number[], count: number) =>
    Array.from({ length: count }, () => ({ kind, at: draw(list) }));
  return [
    ...of('beginning', all.beginning, 6),
    ...of('training', all.training, 8),
    ...of('evaluation', all.evaluation, 8),
    ...OPERATIONS.flatMap((operation) => of(operation, all.checkpoint.filter(isOf(operation)), 2)),
    ...of('end', all.end, 6),
    ...of('any', any, 8),
  ];
}

describe('killed with SIGKILL at one of 50 seeded moments, a run that goes on ends with the same bits', () => {
  test('the moments cover what they should', () => {
    const all = kinds();
    for (const [kind, list] of Object.entries(all)) expect(list.length, kind).toBeGreaterThan(3);
    for (const operation of OPERATIONS)
      expect(all.checkpoint.filter(isOf(operation)).length, operation).toBeGreaterThan(3);
    expect(new Set(chosen().map(({ at }) => at)).size).toBe(50);
  });

  test.concurrent.each(Array.from({ length: 10 }, (_, i) => i))(
    'part %i of ten',
    { timeout: 120_000 },
    async (group) => {
      for (const { kind, at } of chosen().slice(group * 5, group * 5 + 5)) {
        const to = join(folder, `killed-${group}-${at}`);
        const killed = await train(to, { QKV_KILL_AT: String(at) });
        const place = `${kind}: moment ${at}, ${moments[at]}`;
        expect(killed.code, place).toBeNull();
        const { code, err } = await train(to);
        expect(err, place).toBe('');
        expect(code, place).toBe(0);
        expect(results(to), place).toEqual(whole);
        expect(leftovers(to), place).toEqual([]);
        rmSync(to, { recursive: true });
      }
    },
  );
});

/** Files that only a writer at work has. */
const leftovers = (to: string): string[] =>
  readdirSync(to, { recursive: true })
    .map(String)
    .filter((name) => name.includes('.tmp') || name.includes('lock'));

test('a run that is killed again and again ends the same', { timeout: 120_000 }, async () => {
  const to = join(folder, 'often');
  let kills = 0;
  for (; kills < 30; kills++) {
    const { code } = await train(to, { QKV_KILL_AT: String(250 + 90 * kills) });
    if (code === 0) break;
  }
  expect(kills).toBeGreaterThan(2);
  expect(results(to)).toEqual(whole);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s: a checkpoint, exit code %i, and the same bits in the end',
  { timeout: 60_000 },
  async (signal, code) => {
    const to = join(folder, signal);
    let sent = false;
    const stopped = await train(to, {}, (out, kill) => {
      if (sent || !out.includes('"event":"step"')) return;
      sent = true;
      kill(signal);
    });
    expect(stopped.code).toBe(code);
    expect(stopped.err).toBe('');
    expect(stopped.out).toMatch(/"event":"interrupted","step":\d+/);
    expect(existsSync(join(to, 'model.safetensors'))).toBe(false);
    expect((await train(to)).code).toBe(0);
    expect(results(to)).toEqual(whole);
  },
);
