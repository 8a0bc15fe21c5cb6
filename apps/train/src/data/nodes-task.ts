import { adjacencyMatrix, featureMatrix, parseGraph } from '@qkv/data';

import { Failure } from '../failure';
import type { LabelTask } from '../kinds/labels';
import type { GraphNodes } from '../model/node-classifier';
import { Symbols } from '../model/symbols';
import { type DataFile, digestOf, readBytes } from './data-file';

/** Which graph a run learns. */
export interface NodesData {
  readonly task: 'nodes';
  readonly graph: DataFile;
  /** Of each node. */
  readonly features: number;
}

export interface NodesTask extends LabelTask<GraphNodes> {
  readonly data: NodesData;
  readonly codecs: { readonly label: Symbols };
}

/** A graph as models read it. */
export interface GraphFile extends DataFile {
  readonly count: number;
  readonly edges: number;
  readonly features: number;
  readonly classes: number;
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
  /** Some of its nodes. */
  nodes(indices: Int32Array): GraphNodes;
}

/** Attention is computed for all pairs: of more nodes, the mask alone would be above a gibibyte. */
const MOST_NODES = 32_768;

/** @throws Failure or DataFormatError naming the file and the member that is wrong. */
export async function readGraphFile(path: string): Promise<GraphFile> {
  const bytes = await readBytes(path);
  const data = parseGraph(new TextDecoder().decode(bytes), { name: path });
  const { numNodes, numFeatures, numClasses, labels, train, validation, test } = data;
  if (numNodes > MOST_NODES) {
    throw new Failure(
      `${path}: ${count(numNodes)} nodes; attention is computed for all pairs, and at most ${count(MOST_NODES)} nodes have room: take a part of the graph`,
    );
  }
  if (numFeatures === 0) throw new Failure(`${path}: its nodes have no features, which is all that is known of them`);
  const graph = {
    count: numNodes,
    features: normalized(featureMatrix(data), numFeatures),
    width: numFeatures,
    adjacency: adjacencyMatrix(data),
  };
  return {
    path,
    digest: digestOf(bytes),
    count: numNodes,
    edges: data.edges.length / 2,
    features: numFeatures,
    classes: numClasses,
    train,
    validation,
    test,
    nodes: (indices) => ({ graph, nodes: indices, labels: Array.from(indices, (node) => String(labels[node])) }),
  };
}

/** Each row divided by the root of its mean square: what a layer reads should be about 1, however many features a node has. */
function normalized(matrix: Float32Array, width: number): Float32Array {
  for (let at = 0; at < matrix.length; at += width) {
    const row = matrix.subarray(at, at + width);
    const size = Math.sqrt(row.reduce((total, value) => total + value * value, 0) / width);
    if (size > 0) row.forEach((value, i) => (row[i] = value / size));
  }
  return matrix;
}

export async function loadNodesTask(path: string): Promise<NodesTask> {
  const graph = await readGraphFile(path);
  const { digest, features, classes, train, validation, test } = graph;
  for (const [part, indices] of Object.entries({ train, val: validation })) {
    if (indices.length === 0) throw new Failure(`${path}: there are no nodes in ${JSON.stringify(part)}`);
  }
  if (classes > graph.count) {
    throw new Failure(
      `${path}: its labels go up to ${count(classes - 1)}, and it has ${count(graph.count)} nodes; number the classes from 0`,
    );
  }
  const example = graph.nodes(train);
  if (new Set(example.labels).size < 2) {
    throw new Failure(
      `${path}: all nodes of "train" have the label ${example.labels[0]}; there must be two to tell apart`,
    );
  }
  return {
    data: { task: 'nodes', graph: { path, digest }, features },
    codecs: { label: new Symbols(Array.from({ length: classes }, (_, label) => String(label))) },
    training: [example],
    validation: [graph.nodes(validation)],
    description: [
      `${path}: ${count(graph.count)} nodes, ${count(graph.edges)} edges, ${count(features)} features, ${count(classes)} classes`,
      `${count(train.length)} nodes to train on, ${count(validation.length)} for validation, ${count(test.length)} to be judged by`,
    ],
  };
}

const count = (n: number): string => n.toLocaleString('en');
