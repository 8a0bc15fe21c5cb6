import { initialize } from '@qkv/nn';
import { TokenClassifier } from '@qkv/seq2seq';
import { dropout, tensor, type Tensor } from '@qkv/tensor';

import type { NodesRecipe } from '../recipe';
import { encoderOptions } from './encoder-options';
import type { Labelled, Labeller } from './labeller';
import type { Symbols } from './symbols';

/** Some nodes of a graph, and their classes. */
export interface GraphNodes extends Labelled {
  readonly graph: {
    readonly count: number;
    /** (nodes, width) */
    readonly features: Float32Array;
    readonly width: number;
    /** (nodes, nodes): 1 where one may attend to the other. */
    readonly adjacency: Uint8Array;
  };
  readonly nodes: Int32Array;
}

/** The graph is what tells where a node is, however many there are. */
const MOST_NODES = 2 ** 24;

/** Gives nodes a class: attention along the edges only, and from each node to itself (Veličković et al. 2018). */
export function createNodeClassifier(features: number, label: Symbols, recipe: NodesRecipe): Labeller<GraphNodes> {
  const module = new TokenClassifier({
    ...encoderOptions(recipe),
    features,
    classes: label.size,
    positions: 'none',
    maxLength: MOST_NODES,
  });
  initialize(module, recipe);
  return {
    module,
    labels: label,
    lengthOf: ({ nodes }) => nodes.length,
    places: (length) => length,
    placeOf: (_, item) => item,
    /** All of the graph, and which of its nodes are asked for. */
    inputs([{ graph, nodes }], _, length) {
      const asked = new Int32Array(length);
      asked.set(nodes);
      const { count, width } = graph;
      return [
        tensor(graph.features, [1, count, width]),
        tensor(graph.adjacency, [count, count], 'bool'),
        tensor(asked, [length]),
      ];
    },
    logits(all: Tensor, adjacency: Tensor, asked: Tensor) {
      const logits = module.forward(dropout(all, recipe.featureDropout), { mask: adjacency }); // (1, N, C)
      return logits.squeeze(0).gather(asked).unsqueeze(0); // (1, nodes, C)
    },
  };
}
