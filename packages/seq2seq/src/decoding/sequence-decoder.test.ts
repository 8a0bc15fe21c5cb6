import { initialize } from '@qkv/nn';
import { arange, select, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { Automaton, float64, idsTensor } from '../../test/automaton';
import { naiveBeamSearch } from '../../test/naive-beam';
import { Transformer } from '../transformer';
import { BeamDecoder, type BeamOptions } from './beam';
import { GreedyDecoder } from './greedy';
import type { DecodingContext } from './logit-processors';
import { SamplingDecoder } from './sampling';
import type { DecoderOptions, SequenceDecoder } from './sequence-decoder';

const engine = float64();
const model = new Automaton(6, 12, 5);
const common = { rows: 4, sourceLength: 2, startId: 1, endId: 0, maxLength: 12, engine };
const sources = idsTensor([
  [5, 3],
  [0, 0],
  [17, 2],
  [31, 0],
]);

type Make = (options?: Partial<DecoderOptions>) => SequenceDecoder;
const makers: [string, Make][] = [
  ['greedy', (options) => new GreedyDecoder(model, { ...common, ...options })],
  ['sampling', (options) => new SamplingDecoder(model, { ...common, seed: 5, ...options })],
  ['beam', (options) => new BeamDecoder(model, { ...common, beams: 3, ...options })],
  ['beam, first', (options) => new BeamDecoder(model, { ...common, beams: 4, stop: 'first', ...options })],
  ['diverse beam', (options) => new BeamDecoder(model, { ...common, beams: 4, groups: 2, ...options })],
];
const plain = (found: readonly { readonly ids: Int32Array }[]): number[][] => found.map(({ ids }) => [...ids]);

async function collect(stream: AsyncIterable<readonly Int32Array[]>): Promise<{ rows: number[][]; steps: number }> {
  const rows: number[][] = [];
  let steps = 0;
  for await (const added of stream) {
    steps++;
    added.forEach((ids, row) => (rows[row] ??= []).push(...ids));
  }
  return { rows, steps };
}

describe.each(makers)('%s', (_, make) => {
  test('a stream gives what decode gives, step by step', async () => {
    const decoder = make({ minLength: 3 });
    const expected = await decoder.decode(sources);
    const { rows, steps } = await collect(decoder.stream(sources));
    expect(rows).toEqual(plain(expected));
    expect(steps).toBeGreaterThan(1);
    expect(expected.some(({ ids }) => ids.length > 2)).toBe(true);
    expect(expected[1]).toEqual({ ids: new Int32Array(), score: 0, logProbability: 0, finished: true }); // padding
    expect(await decoder.decode(sources)).toEqual(expected);
    decoder.release();
    expect(await decoder.decode(sources)).toEqual(expected);
  });

  test('leaving the loop ends the call, and calls wait for each other', async () => {
    const decoder = make();
    const expected = plain(await decoder.decode(sources));
    for await (const added of decoder.stream(sources)) {
      expect(added.length).toBe(4);
      break;
    }
    const stream = decoder.stream(sources);
    await stream.next();
    let done = false;
    const waiting = decoder.decode(sources).finally(() => (done = true));
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(done).toBe(false); // the stream has its turn
    decoder.release(); // once both are done
    await stream.return();
    expect(plain(await waiting)).toEqual(expected);
    expect((await collect(decoder.stream(sources))).rows).toEqual(expected);
  });

  test('a signal ends it with its reason, and the next call is as before', async () => {
    const decoder = make();
    const expected = plain(await decoder.decode(sources));
    const control = new AbortController();
    const reason = new Error('enough');
    let steps = 0;
    const run = async (): Promise<void> => {
      for await (const _added of decoder.stream(sources, { signal: control.signal })) {
        steps++;
        control.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
    expect(steps).toBe(1);
    await expect(decoder.decode(sources, { signal: control.signal })).rejects.toBe(reason);
    await expect(decoder.stream(sources, { signal: control.signal }).next()).rejects.toBe(reason);
    expect(plain(await decoder.decode(sources, { signal: new AbortController().signal }))).toEqual(expected);
  });

  test('neither neighbours nor batch size nor appended padding change a row', async () => {
    const decoder = make();
    const expected = await decoder.decode(sources);
    const alone = make({ rows: 1, sourceLength: 4 });
    const streams = [2];
    const [found] = await alone.decode(idsTensor([[17, 2, 0, 0]]), { streams } as object);
    expect(found).toEqual(expected[2]);
  });

  test('keeps to what is forbidden and to both lengths', async () => {
    const decoder = make({ forbidden: [2, 4], minLength: 5, maxLength: 9 });
    for (const [row, { ids, finished }] of (await decoder.decode(sources)).entries()) {
      if (row === 1) continue; // padding
      expect([...ids].filter((id) => id === 2 || id === 4)).toEqual([]);
      expect(ids.length).toBeGreaterThanOrEqual(5);
      expect(ids.length).toBeLessThanOrEqual(9);
      expect(finished).toBe(ids.length < 9);
    }
  });

  test('a minimum that is the maximum gives exactly so many tokens, none of them END', async () => {
    const found = await make({ minLength: 6, maxLength: 6 }).decode(sources);
    expect(found.map(({ ids, finished }) => [ids.length, finished])).toEqual([6, 0, 6, 6].map((n) => [n, n === 0]));
  });

  test('a processor of the user’s has its say', async () => {
    const cycle = (logits: Tensor, { length }: DecodingContext): Tensor => {
      const wanted = length.sub(length.cast('float32').div(3).floor().cast('int32').mul(3)).add(3); // 3, 4, 5, 3, …
      return select(arange(logits.shape[1]).equal(wanted), logits, -Infinity);
    };
    const found = await make({ processors: [cycle], maxLength: 7 }).decode(sources);
    expect([...found[0].ids]).toEqual([3, 4, 5, 3, 4, 5, 3]);
    expect(found[0].finished).toBe(false);
  });

  test('a prompt goes on from its last id', async () => {
    const prompts = make({ startId: undefined });
    const found = await prompts.decode(sources);
    const [expected] = await make({ startId: 3, rows: 1 }).decode(idsTensor([[5, 9]]));
    expect(found[0]).toEqual(expected);
  });

  test('shapes that do not fit are refused, now and in a stream', async () => {
    const decoder = make();
    const bad = idsTensor([[1, 2, 3]]);
    await expect(decoder.decode(bad)).rejects.toThrow(`${decoder.name}: expected ids [4, 2], got [1, 3]`);
    await expect(decoder.stream(bad).next()).rejects.toThrow(`${decoder.name}: expected ids [4, 2], got [1, 3]`);
  });
});

test('where everything is forbidden a sequence ends unfinished, or dies', async () => {
  const never = (logits: Tensor, { length }: DecodingContext): Tensor => select(length.less(2), logits, -Infinity);
  const options = { ...common, processors: [never], minLength: 2 };
  const [greedy, padding] = await new GreedyDecoder(model, options).decode(sources);
  expect(greedy).toMatchObject({ finished: false });
  expect(greedy.ids.length).toBe(2);
  expect(padding.finished).toBe(true);
  const [beam] = await new BeamDecoder(model, { ...options, beams: 3 }).decode(sources);
  expect(beam).toEqual({ ids: new Int32Array(), logProbability: -Infinity, score: -Infinity, finished: false });
  expect((await new BeamDecoder(model, { ...options, beams: 3 }).decodeAll(sources))[0]).toEqual([]);
});

test('exact stops before the maximum length where it can, and first before exact', async () => {
  const steps = async (stop: BeamOptions['stop']): Promise<number> =>
    (await collect(new BeamDecoder(model, { ...common, maxLength: 60, beams: 3, nBest: 1, stop }).stream(sources)))
      .steps;
  const [first, exact, never] = [await steps('first'), await steps('exact'), await steps('never')];
  expect(first).toBeLessThan(exact);
  expect(exact).toBeLessThan(never);
  expect(never).toBe(60);
});

test('says what does not fit', () => {
  const greedy = (more: Partial<DecoderOptions>): unknown => new GreedyDecoder(model, { ...common, ...more });
  expect(() => greedy({ rows: 0 })).toThrow('GreedyDecoder: rows must be a positive integer, got 0');
  expect(() => greedy({ maxLength: 1.5 })).toThrow('GreedyDecoder: maxLength must be a positive integer, got 1.5');
  expect(() => greedy({ sourceLength: 101 })).toThrow(
    "GreedyDecoder: sources of 101 ids exceed the model's maxLength 100; shorten them, or make the model with more",
  );
  expect(() => greedy({ startId: 6 })).toThrow('GreedyDecoder: startId 6 is outside a vocabulary of 6');
  expect(() => greedy({ endId: 0.5 })).toThrow('GreedyDecoder: endId must be an integer, got 0.5');
  expect(() => greedy({ minLength: 13 })).toThrow('GreedyDecoder: minLength 13 exceeds maxLength 12');
  expect(() => greedy({ forbidden: [0, 1, 2, 3, 4, 5, 5] })).toThrow(
    'GreedyDecoder: all 6 ids are forbidden, so that nothing can be generated; leave at least one',
  );
  const beam = (more: Partial<BeamOptions>): unknown => new BeamDecoder(model, { ...common, beams: 4, ...more });
  expect(() => beam({ beams: 0 })).toThrow('BeamDecoder: beams: expected an integer of at least 1, got 0');
  expect(() => beam({ nBest: 5 })).toThrow('BeamDecoder: the 5 best of 4 beams; nBest must be 4 at most');
  expect(() => beam({ groups: 3 })).toThrow('BeamDecoder: 4 beams cannot be divided into 3 equal groups');
  expect(() => beam({ groups: 2, diversity: -1 })).toThrow('BeamDecoder: diversity must be at least 0, got -1');
  expect(() => beam({ lengthPenalty: NaN })).toThrow('BeamDecoder: lengthPenalty must be a number, got NaN');
  expect(() => beam({ stop: 'soon' as 'exact' })).toThrow('BeamDecoder: stop must be exact, first or never, got soon');
  expect(() => beam({ beams: 32, maxLength: 2 })).toThrow(
    'BeamDecoder: 32 beams are more than the 31 sequences that exist of at most 2 of 6 ids; take 31 at most',
  );
  expect(() => beam({ beams: 31, maxLength: 2 })).not.toThrow();
  expect(() => beam({ beams: 5, maxLength: 2, minLength: 1, forbidden: [2, 3, 4, 5, 5] })).toThrow(
    'the 2 sequences that exist',
  );
  expect(() => new BeamDecoder(new Automaton(1, 1), { ...common, startId: 0, beams: 1 })).toThrow(
    'BeamDecoder: a search needs a vocabulary of at least 2 ids, got 1',
  );
});

describe.each(['pre', 'post'] as const)('a Transformer, %s-norm', (normalization) => {
  const [PAD, START, END, V] = [0, 1, 2, 6];
  const transformer = new Transformer({
    sourceVocabulary: 9,
    targetVocabulary: V,
    dimension: 16,
    heads: 2,
    feedForward: 32,
    encoderLayers: 1,
    decoderLayers: 2,
    dropout: 0,
    normalization,
  });
  initialize(transformer, { seed: 4 });
  const source = [
    [3, 4, 5, 2],
    [8, 7, PAD, PAD],
  ];
  const options = { rows: 2, sourceLength: 4, startId: START, endId: END, maxLength: 4, forbidden: [PAD], engine };

  /** Logits after each target that begins with START, by running the decoder over all of it. */
  async function recomputed(row: number): Promise<(tokens: readonly number[]) => number[]> {
    let targets = [[START]];
    const known = new Map<string, number[]>();
    for (let T = 1; T <= options.maxLength; T++) {
      const x = idsTensor(targets.map(() => source[row]));
      const logits = await transformer
        .forward(x, idsTensor(targets))
        .slice([0, T - 1], [targets.length, 1])
        .data();
      targets.forEach((tokens, n) => known.set(tokens.join(), Array.from(logits.subarray(n * V, (n + 1) * V))));
      targets = targets
        .flatMap((tokens) => [1, 2, 3, 4, 5].map((id) => [...tokens, id]))
        .filter((tokens) => !tokens.includes(END));
    }
    return (tokens) => known.get(tokens.join())!;
  }

  test.each([1, 2])('beams with a cache are those of recomputing everything, in %d groups', async (groups) => {
    const beam = { ...options, engine: undefined, beams: 4, groups, diversity: 0.5 };
    const found = await new BeamDecoder(transformer, beam).decodeAll(idsTensor(source));
    for (const row of [0, 1]) {
      const logitsAfter = await recomputed(row);
      const expected = naiveBeamSearch(logitsAfter, { ...beam, nBest: 4, lengthPenalty: 0.6, stop: 'exact' });
      expect(found[row].map(({ ids }) => [...ids])).toEqual(expected.map(({ ids }) => ids));
      found[row].forEach(({ score }, i) => expect(Math.abs(score - expected[i].score)).toBeLessThan(1e-5));
    }
  });

  test('rows do not disturb each other', async () => {
    const together = await new BeamDecoder(transformer, { ...options, engine: undefined, beams: 3 }).decodeAll(
      idsTensor(source),
    );
    const alone = new BeamDecoder(transformer, { ...options, engine: undefined, rows: 1, sourceLength: 2, beams: 3 });
    expect(await alone.decodeAll(idsTensor([source[1].slice(0, 2)]))).toEqual([together[1]]);
  });

  test('a source longer than the positions is refused', () => {
    const short = new Transformer({
      sourceVocabulary: 9,
      targetVocabulary: V,
      dimension: 8,
      heads: 2,
      feedForward: 8,
      maxLength: 4,
    });
    expect(() => new GreedyDecoder(short, { ...options, sourceLength: 5 })).toThrow(
      "sources of 5 ids exceed the model's maxLength 4",
    );
    expect(() => new GreedyDecoder(short, { ...options, maxLength: 5 })).toThrow(
      'Transformer: cannot decode 5 tokens, maxLength is 4',
    );
  });
});
