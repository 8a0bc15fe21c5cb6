import { z } from 'zod';

import { dataFileSchema, requireUnchanged, withoutPaths } from '../data/data-file';
import { loadNodesTask, type NodesData, type NodesTask, readGraphFile } from '../data/nodes-task';
import { Failure } from '../failure';
import { giveLabels } from '../model/labeller';
import { createNodeClassifier, type GraphNodes } from '../model/node-classifier';
import type { Symbols } from '../model/symbols';
import { type NodesRecipe, nodesSettings } from '../recipe';
import { type LabelConfig, labelKind } from './labels';

export interface NodesConfig extends LabelConfig {
  readonly data: NodesData;
  readonly recipe: NodesRecipe;
  readonly codecs: { readonly label: Symbols };
}

/** Nodes of a graph, and their classes. */
export const nodes = labelKind<NodesConfig, GraphNodes, NodesTask>({
  name: 'nodes',
  items: 'nodes',
  unit: 'nodes',
  settings: nodesSettings,
  dataSchema: z.strictObject({ task: z.literal('nodes'), graph: dataFileSchema, features: z.int().min(1) }),
  codecNames: () => ['label'],
  specsOf: () => ({}),
  contentOf: (data) => withoutPaths({ ...data }),
  createModel: ({ codecs, recipe, data }) => createNodeClassifier(data.features, codecs.label, recipe),
  async loadTask({ data }) {
    await requireUnchanged(data.graph);
    return loadNodesTask(data.graph.path);
  },
  async testExamples({ config, model }, { test }) {
    if (test === undefined) await requireUnchanged(config.data.graph);
    const path = test ?? config.data.graph.path;
    const graph = await readFitting(path, config);
    if (graph.test.length === 0) throw new Failure(`${path}: there are no nodes in "test"`);
    const examples = graph.nodes(graph.test);
    const stranger = examples.labels.find((label) => model.labels.idOf(label) === undefined);
    if (stranger !== undefined) throw new Failure(`${path}: the label ${stranger} is one that training did not have`);
    return { name: test ?? 'test nodes', examples: [examples] };
  },
  async predict({ model, config }, { input }) {
    if (input === undefined) await requireUnchanged(config.data.graph);
    const path = input ?? config.data.graph.path;
    const graph = await readFitting(path, config);
    const all = Int32Array.from({ length: graph.count }, (_, node) => node);
    const [given] = await giveLabels(model, [graph.nodes(all)], () => all.length);
    const written = given.map(({ label, probability }, node) => `${node}\t${label}\t${probability.toFixed(4)}\n`);
    return { text: written.join(''), what: `${graph.count} nodes` };
  },
});

async function readFitting(path: string, { data }: NodesConfig) {
  const graph = await readGraphFile(path);
  if (graph.features === data.features) return graph;
  throw new Failure(`${path}: its nodes have ${graph.features} features, those of training had ${data.features}`);
}
