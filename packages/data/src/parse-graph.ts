import { DataFormatError } from './format-error';

/** A graph whose nodes have features and, in part, a class. */
export interface GraphData {
  readonly numNodes: number;
  readonly numFeatures: number;
  /** One more than the largest label. */
  readonly numClasses: number;
  /** Node i has the features `featureIndices[k]` with `featureValues[k]` for k from `featureOffsets[i]` to `featureOffsets[i + 1]`. */
  readonly featureOffsets: Int32Array;
  readonly featureIndices: Int32Array;
  readonly featureValues: Float32Array;
  /** (edges, 2), undirected: each pair of nodes once, in the order of the file. */
  readonly edges: Int32Array;
  /** (nodes): the class of each, -1 if unknown. */
  readonly labels: Int32Array;
  /** Nodes of each part, ascending or not, as in the file. */
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

/**
 * Reads a graph for node classification from JSON, the form into which Planetoid's files (Cora, CiteSeer, PubMed) are
 * often put:
 *
 *     { "numNodes": 3, "numFeatures": 5,
 *       "features": [[0, 4], [[1, 0.5], [2, 2]], []],   for each node the indices of its ones, or [index, value] pairs
 *       "labels": [0, 1, null],                         for each node a whole number from 0, or null
 *       "edges": [[0, 1], [1, 2]],                      undirected, each once
 *       "train": [0], "val": [1], "test": [] }          nodes with a label, each in one part at most
 *
 * Other members are ignored.
 *
 * @throws DataFormatError that names the first member, with its indices, which is missing, of another kind, out of range,
 * or given twice.
 */
export function parseGraph(text: string, { name }: { readonly name?: string } = {}): GraphData {
  const fail: Fail = (message) => new DataFormatError(message, undefined, name);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(`it is not JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw fail('expected one JSON object');
  const root = json as Readonly<Record<string, unknown>>;
  const numNodes = whole(root.numNodes, 'numNodes', 1, 2 ** 31 - 2, fail);
  const numFeatures = whole(root.numFeatures, 'numFeatures', 0, 2 ** 31 - 1, fail);
  const labels = Int32Array.from(list(root.labels, 'labels', fail, numNodes), (label, node) =>
    label === null ? -1 : whole(label, `labels[${node}]`, 0, 2 ** 31 - 2, fail),
  );
  const part = partReader(labels, fail);
  return {
    numNodes,
    numFeatures,
    numClasses: labels.reduce((most, label) => Math.max(most, label), -1) + 1,
    ...features(list(root.features, 'features', fail, numNodes), numFeatures, fail),
    edges: edges(list(root.edges, 'edges', fail), numNodes, fail),
    labels,
    train: part(root.train, 'train'),
    validation: part(root.val, 'val'),
    test: part(root.test, 'test'),
  };
}

type Fail = (message: string) => Error;

const show = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
};

function whole(value: unknown, path: string, minimum: number, maximum: number, fail: Fail): number {
  if (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum) return value as number;
  throw fail(`${path} is ${show(value)}, expected a whole number from ${minimum} to ${maximum}`);
}

function list(value: unknown, path: string, fail: Fail, length?: number): readonly unknown[] {
  const wanted = length === undefined ? 'a list' : `a list of ${length}, one for each node`;
  if (!Array.isArray(value)) throw fail(`${path} is ${show(value)}, expected ${wanted}`);
  if (length !== undefined && value.length !== length)
    throw fail(`${path} has ${value.length} items, expected ${wanted}`);
  return value;
}

function features(
  nodes: readonly unknown[],
  numFeatures: number,
  fail: Fail,
): Pick<GraphData, 'featureOffsets' | 'featureIndices' | 'featureValues'> {
  const offsets = [0];
  const indices: number[] = [];
  const values: number[] = [];
  nodes.forEach((node, i) => {
    const seen = new Set<number>();
    list(node, `features[${i}]`, fail).forEach((item, k) => {
      const path = `features[${i}][${k}]`;
      const pair = Array.isArray(item) ? item : [item, 1];
      if (pair.length !== 2) throw fail(`${path} is ${show(item)}, expected an index or [index, value]`);
      const index = whole(pair[0], Array.isArray(item) ? `${path}[0]` : path, 0, numFeatures - 1, fail);
      // A value that float32 cannot hold would turn into Infinity without a word.
      if (typeof pair[1] !== 'number' || !Number.isFinite(Math.fround(pair[1]))) {
        throw fail(`${path}[1] is ${show(pair[1])}, expected a number`);
      }
      if (seen.has(index)) throw fail(`${path}: node ${i} has feature ${index} twice; leave one`);
      seen.add(index);
      indices.push(index);
      values.push(pair[1]);
    });
    offsets.push(indices.length);
  });
  return {
    featureOffsets: Int32Array.from(offsets),
    featureIndices: Int32Array.from(indices),
    featureValues: Float32Array.from(values),
  };
}

function edges(pairs: readonly unknown[], numNodes: number, fail: Fail): Int32Array {
  const seen = new Map<number, number>();
  const ends = new Int32Array(pairs.length * 2); // (edges, 2)
  pairs.forEach((pair, i) => {
    const [from, to, ...more] = list(pair, `edges[${i}]`, fail);
    if (more.length > 0) throw fail(`edges[${i}] is ${show(pair)}, expected two nodes`);
    const a = whole(from, `edges[${i}][0]`, 0, numNodes - 1, fail);
    const b = whole(to, `edges[${i}][1]`, 0, numNodes - 1, fail);
    if (a === b) throw fail(`edges[${i}] joins node ${a} to itself; remove it`);
    const key = Math.min(a, b) * numNodes + Math.max(a, b);
    const before = seen.get(key);
    if (before !== undefined)
      throw fail(`edges[${i}] joins ${a} and ${b} as edges[${before}] does; edges go both ways, leave one`);
    seen.set(key, i);
    ends.set([a, b], 2 * i);
  });
  return ends;
}

function partReader(labels: Int32Array, fail: Fail): (value: unknown, path: string) => Int32Array {
  const where = new Map<number, string>();
  return (value, path) =>
    Int32Array.from(list(value, path, fail), (item, i) => {
      const node = whole(item, `${path}[${i}]`, 0, labels.length - 1, fail);
      const before = where.get(node);
      if (before !== undefined) throw fail(`${path}[${i}]: node ${node} already is ${before}; keep the parts apart`);
      if (labels[node] < 0) throw fail(`${path}[${i}]: node ${node} has no label; give it one or leave it out`);
      where.set(node, `${path}[${i}]`);
      return node;
    });
}

/** The features of all nodes with their zeros: (nodes, features), row by row. */
export function featureMatrix({
  numNodes,
  numFeatures,
  featureOffsets,
  featureIndices,
  featureValues,
}: GraphData): Float32Array {
  const matrix = new Float32Array(numNodes * numFeatures); // (N, F)
  for (let node = 0; node < numNodes; node++) {
    for (let k = featureOffsets[node]; k < featureOffsets[node + 1]; k++) {
      matrix[node * numFeatures + featureIndices[k]] = featureValues[k];
    }
  }
  return matrix;
}

/** 1 where an edge joins two nodes, and from each node to itself, so that it sees its own features: (nodes, nodes). */
export function adjacencyMatrix({ numNodes, edges: ends }: GraphData): Uint8Array {
  const matrix = new Uint8Array(numNodes * numNodes); // (N, N)
  for (let node = 0; node < numNodes; node++) matrix[node * numNodes + node] = 1;
  for (let i = 0; i < ends.length; i += 2) {
    matrix[ends[i] * numNodes + ends[i + 1]] = 1;
    matrix[ends[i + 1] * numNodes + ends[i]] = 1;
  }
  return matrix;
}
