import { describe, expect, test } from 'vitest';

import { adjacencyMatrix, DataFormatError, featureMatrix, parseGraph } from './index';

const small = {
  name: 'ignored',
  numNodes: 4,
  numFeatures: 5,
  features: [
    [0, 4],
    [
      [1, 0.5],
      [2, -2],
    ],
    [],
    [3],
  ],
  labels: [0, 2, null, 1],
  edges: [
    [0, 1],
    [3, 1],
  ],
  train: [3, 0],
  val: [1],
  test: [],
};

test('reads features, labels, edges and parts', () => {
  const graph = parseGraph(JSON.stringify(small));
  expect(graph).toEqual({
    numNodes: 4,
    numFeatures: 5,
    numClasses: 3,
    featureOffsets: Int32Array.of(0, 2, 4, 4, 5),
    featureIndices: Int32Array.of(0, 4, 1, 2, 3),
    featureValues: Float32Array.of(1, 1, 0.5, -2, 1),
    edges: Int32Array.of(0, 1, 3, 1),
    labels: Int32Array.of(0, 2, -1, 1),
    train: Int32Array.of(3, 0),
    validation: Int32Array.of(1),
    test: new Int32Array(0),
  });
  expect([...featureMatrix(graph)]).toEqual([1, 0, 0, 0, 1, 0, 0.5, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
  expect([...adjacencyMatrix(graph)]).toEqual([1, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1]);
});

describe('says which member is wrong', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ numNodes: 0 }, 'numNodes is 0, expected a whole number from 1 to'],
    [{ numNodes: undefined }, 'numNodes is nothing, expected'],
    [{ numFeatures: 1.5 }, 'numFeatures is 1.5'],
    [{ features: [[]] }, 'features has 1 items, expected a list of 4, one for each node'],
    [{ features: [[], [5], [], []] }, 'features[1][0] is 5, expected a whole number from 0 to 4'],
    [{ features: [[], [[1, null]], [], []] }, 'features[1][0][1] is null, expected a number'],
    [{ features: [[], [[1, 1e39]], [], []] }, 'features[1][0][1] is 1e+39, expected a number'],
    [{ features: [[], [[1]], [], []] }, 'features[1][0] is [1], expected an index or [index, value]'],
    [{ features: [[], [2, 1, 2], [], []] }, 'features[1][2]: node 1 has feature 2 twice; leave one'],
    [{ features: [[], {}, [], []] }, 'features[1] is {}, expected a list'],
    [{ labels: [0, 1, -1, 0] }, 'labels[2] is -1, expected a whole number from 0'],
    [{ labels: ['a', 1, null, 0] }, 'labels[0] is "a", expected'],
    [{ edges: [[0, 4]] }, 'edges[0][1] is 4, expected a whole number from 0 to 3'],
    [{ edges: [[0]] }, 'edges[0][1] is nothing'],
    [{ edges: [[0, 1, 2]] }, 'edges[0] is [0,1,2], expected two nodes'],
    [{ edges: [[2, 2]] }, 'edges[0] joins node 2 to itself; remove it'],
    [
      {
        edges: [
          [0, 1],
          [1, 2],
          [1, 0],
        ],
      },
      'edges[2] joins 1 and 0 as edges[0] does; edges go both ways, leave one',
    ],
    [{ val: undefined }, 'val is nothing, expected a list'],
    [{ val: [4] }, 'val[0] is 4, expected a whole number from 0 to 3'],
    [{ val: [0] }, 'val[0]: node 0 already is train[1]; keep the parts apart'],
    [{ test: [2] }, 'test[0]: node 2 has no label; give it one or leave it out'],
  ])('%j', (change, message) => {
    const text = JSON.stringify({ ...small, ...change });
    expect(() => parseGraph(text)).toThrow(DataFormatError);
    expect(() => parseGraph(text, { name: 'cora.json' })).toThrow(`cora.json: ${message}`);
  });

  test.each([
    ['', 'it is not JSON: '],
    ['[1]', 'expected one JSON object'],
    ['null', 'expected one JSON object'],
  ])('%j', (text, message) => expect(() => parseGraph(text)).toThrow(message));
});
