import type { Tensor } from '@qkv/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

import { installEngine } from '../engine';
import { classifyPresets, nodesPresets, speechPresets, tagPresets } from '../presets';
import { createClassifier } from './classifier';
import { VocabularyCodec, TokenizerCodec } from './codec';
import { giveLabels, judgeLabels, type Labelled, type Labeller, labelLearner, labelProbabilities } from './labeller';
import { meanLoss } from './label-scores';
import { createNodeClassifier } from './node-classifier';
import { createRecordingClassifier, type Recording } from './recording-classifier';
import { Symbols } from './symbols';
import { createTagger, cutSentence, type TaggedWords } from './tagger';
import { trainTokenizer, Vocabulary } from '@qkv/tokenizers';

beforeAll(async () => {
  await installEngine();
});

const label = new Symbols(['A', 'B', 'C']);
const sentence = (text: string, labels: string): TaggedWords => ({ words: text.split(' '), labels: [...labels] });
const sentences = [
  sentence('a cat sat', 'ABC'),
  sentence('b', 'C'),
  sentence('the supercalifragilisticexpialidocious cat and the dog and a few others sat', 'ABABABABABA'),
  sentence('unseen Words', 'BB'),
];
const symbols = (...names: string[]): Symbols => new Symbols(names);
const words = { source: symbols('a', 'cat', 'the', 'dog'), character: symbols('a', 'c', 't', 'W'), label };
const tokenizer = new TokenizerCodec(
  trainTokenizer(
    sentences.map(({ words: own }) => own.join(' ')),
    { preset: 'bpe', vocabSize: 280 },
  ),
);
const texts = sentences.map(({ words: own }, i) => ({ text: own.join(' '), labels: ['ABC'[i % 3]] }));
const recordings = [5, 30, 1, 17].map((count, i): Recording => {
  const frames = Float32Array.from({ length: count * 40 }, (_, k) => Math.sin(k * (i + 1)));
  return { frames, count, labels: ['ABC'[i % 3]] };
});

const models: [string, Labeller<Labelled>, Labelled[]][] = [
  ['words', createTagger(words, tagPresets.tiny) as Labeller<Labelled>, sentences],
  ['sub-words', createTagger({ source: tokenizer, label }, tagPresets.tiny) as Labeller<Labelled>, sentences],
  [
    'texts, by their mean',
    createClassifier(
      { source: new VocabularyCodec(new Vocabulary('word', ['a', 'cat', 'the'])), label },
      classifyPresets.tiny,
    ) as Labeller<Labelled>,
    texts,
  ],
  [
    'texts, by a class token',
    createClassifier({ source: tokenizer, label }, { ...classifyPresets.tiny, pooling: 'class' }) as Labeller<Labelled>,
    texts,
  ],
  ['recordings', createRecordingClassifier(label, speechPresets.tiny) as Labeller<Labelled>, recordings],
];

describe.each(models)('%s', (_, model, examples) => {
  const items = (example: Labelled): number => example.labels.length;

  test('neighbours and padding change nothing; probabilities sum to 1', async () => {
    const together = await labelProbabilities(model, examples, items);
    for (const [i, example] of examples.entries()) {
      const [alone] = await labelProbabilities(model, [example], items);
      alone.forEach((p, k) => expect(p).toBeCloseTo(together[i][k], 5));
      for (let item = 0; item < items(example); item++) {
        const row = together[i].subarray(3 * item, 3 * item + 3);
        expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
      }
    }
  });

  test('the loss of training, without what is random, is that of judging', async () => {
    const { batches, inputs, loss, sizeOf } = labelLearner(model, examples, {
      smoothing: 0,
      seed: 1,
      cells: 2,
      batch: 3,
    });
    let [sum, weight, size] = [0, 0, 0];
    const seen = batches.from({ epoch: 0, batch: 0 })[Symbol.iterator]();
    for (let i = 0; i < batches.batchesPerEpoch; i++) {
      const batch = seen.next().value!;
      const found = loss(...inputs(batch));
      sum += await found.sum.item();
      weight += await found.weight.item();
      size += sizeOf(batch);
    }
    const judgements = await judgeLabels(model, examples);
    expect(weight).toBe(judgements.length);
    expect(size).toBe(examples.reduce((total, example) => total + model.lengthOf(example), 0));
    expect(sum / weight).toBeCloseTo(meanLoss(judgements), 4);
  });

  test('an interruption gives the examples so far; what is given is the likeliest', async () => {
    const controller = new AbortController();
    controller.abort();
    expect(await judgeLabels(model, examples, { signal: controller.signal })).toEqual([]);
    const probabilities = await labelProbabilities(model, examples, items);
    const given = await giveLabels(model, examples, items);
    given.forEach((labels, i) =>
      labels.forEach(({ label: name, probability }, item) => {
        const row = probabilities[i].subarray(3 * item, 3 * item + 3);
        expect(probability).toBe(Math.max(...row));
        expect(row[label.idOf(name)!]).toBe(probability);
      }),
    );
  });
});

test('labels that training did not see have no loss', async () => {
  const [, model] = models[0];
  const [{ loss, expected }] = await judgeLabels(model, [sentence('a', 'Z')]);
  expect(expected).toBe('Z');
  expect(loss).toBeUndefined();
});

describe('words', () => {
  const [[, tagger]] = models;
  const read = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

  test('case is in the characters alone; rare ones are unknown; long words lose their middle', async () => {
    const long = `${'a'.repeat(10)}${'x'.repeat(5)}${'t'.repeat(10)}`;
    const [ids, spelled] = tagger.inputs([{ words: ['Cat', 'zebra', long], labels: [] } as TaggedWords], 1, 4);
    expect(await read(ids)).toEqual([3, 1, 1, 0]);
    const letters = await read(spelled);
    expect(letters.slice(0, 4)).toEqual([1, 2, 4, 0]); // C is not known, c is another
    expect(letters.slice(40, 60)).toEqual([...Array(10).fill(2), ...Array(10).fill(4)]);
    expect(letters.slice(60)).toEqual(Array(20).fill(0));
  });

  test('long sentences are cut, and nothing is lost', () => {
    const pieces = cutSentence(sentences[2], words, 5);
    expect(pieces.map((piece) => piece.words.length)).toEqual([5, 5, 1]);
    expect(pieces.flatMap((piece) => piece.words)).toEqual(sentences[2].words);
    expect(pieces.flatMap((piece) => piece.labels)).toEqual(sentences[2].labels);
    const subwords = cutSentence(sentences[2], { source: tokenizer, label }, 5);
    expect(subwords.flatMap((piece) => piece.words)).toEqual(sentences[2].words);
    expect(subwords.length).toBeGreaterThan(2);
  });
});

describe('sub-words of words', () => {
  test('each word is where its first sub-word is, whatever its spelling', () => {
    const own = ['the', 'cat', 'unheard-of', '—', 'cat'];
    const { ids, first } = tokenizer.encodeWords(own);
    const whole = tokenizer.encode(own.join(' '));
    expect(ids).toEqual(whole);
    const names = Array.from(first, (place) => tokenizer.nameOf(ids[place]));
    expect(names[0][0]).toBe('t');
    expect(names[1]).toMatch(/^Ġ?c/);
    expect([...first]).toEqual([...first].sort((a, b) => a - b));
    expect(new Set(first).size).toBe(own.length);
  });

  test.each(['wordpiece', 'unigram', 'sentencepiece-bpe'] as const)('%s', (preset) => {
    const corpus = sentences.map(({ words: own }) => own.join(' '));
    const codec = new TokenizerCodec(
      trainTokenizer(corpus, { preset, vocabSize: 60, unkToken: '<unknown>', specialTokens: ['<unknown>'] }),
    );
    const { ids, first } = codec.encodeWords(['the', 'dog', 'sat']);
    expect(first[0]).toBeGreaterThanOrEqual(0);
    expect(first[1]).toBeGreaterThan(first[0]);
    expect(first[2]).toBeGreaterThan(first[1]);
    expect(codec.nameOf(ids[first[1]]).replace(/[▁#]/g, '')[0]).toBe('d');
  });
});

test('the tensors of a model are those of its seed', async () => {
  const probe = async (seed: number) => {
    const model = createTagger(words, { ...tagPresets.tiny, seed });
    return (await labelProbabilities(model, sentences, ({ labels }) => labels.length))[0];
  };
  expect(await probe(1)).toEqual(await probe(1));
  expect(await probe(2)).not.toEqual(await probe(1));
});

test('a node sees itself and its neighbours, in as many steps as there are layers, and nothing else', async () => {
  const width = 3;
  const edges = [
    [0, 1],
    [1, 2],
    [3, 4],
  ];
  const adjacency = new Uint8Array(25);
  for (let node = 0; node < 5; node++) adjacency[6 * node] = 1;
  for (const [a, b] of edges) adjacency[5 * a + b] = adjacency[5 * b + a] = 1;
  const features = Float32Array.from({ length: 5 * width }, (_, i) => Math.sin(3 * i + 1));
  const nodes = Int32Array.of(0, 1, 2, 3, 4);
  const read = async (layers: number, changed?: number): Promise<number[][]> => {
    const own = features.map((value, i) => (Math.floor(i / width) === changed ? -value : value));
    const model = createNodeClassifier(width, label, { ...nodesPresets.tiny, layers });
    const example = { graph: { count: 5, features: own, width, adjacency }, nodes, labels: [] };
    const [found] = await labelProbabilities(model, [example], () => 5);
    return Array.from(nodes, (node) => Array.from(found.subarray(3 * node, 3 * node + 3)));
  };
  for (const [layers, seeing] of [
    [1, [1, 2]],
    [2, [0, 1, 2]],
  ] as const) {
    const [before, after] = [await read(layers), await read(layers, 2)];
    const changed = Array.from(nodes).filter((node) => `${before[node]}` !== `${after[node]}`);
    expect(changed).toEqual(seeing);
  }
});
