/** onnxruntime, native or compiled to WebAssembly. It has no gradients: forward passes only. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

import { subjectOf } from '../jobs.mjs';
import { encodeModel } from '../onnx/encoder.mjs';
import { attentionGraph, elementwiseGraph, encoderGraph, gemmGraph } from '../onnx/models.mjs';
import { ATTENTION, chosen, ELEMENTWISE, filled, FORWARD, GEMM, modelOf } from '../workload.mjs';

/** @param {import('../subject').Settings} settings @returns {Promise<import('../subject').Subject>} */
export async function create({ home, web, work, threads, items, version }) {
  const { resolve } = createRequire(String(home));
  /** @type {any} */
  const module = await import(pathToFileURL(resolve(web ? 'onnxruntime-web' : 'onnxruntime-node')).href);
  const ort = module.InferenceSession === undefined ? module.default : module;
  if (web) ort.env.wasm.numThreads = threads;
  const options = { executionProviders: [web ? 'wasm' : 'cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 };

  /** Feeds stay, results are new on each call: as its users have it. */
  const job = async (/** @type {import('../onnx/encoder.mjs').Graph} */ graph, calls = 1) => {
    const session = await ort.InferenceSession.create(encodeModel(graph), options);
    const feeds = Object.fromEntries(
      graph.inputs.map(({ name, shape }, i) => {
        const length = shape.reduce((n, size) => n * size, 1);
        return [name, new ort.Tensor('float32', filled(length, i + 1), shape)];
      }),
    );
    return {
      calls,
      async run() {
        for (let i = 0; i < calls; i++) await session.run(feeds);
      },
    };
  };
  const facts = { about: `onnxruntime-${web ? 'web' : 'node'} ${version}, given ${threads} threads` };
  if (work === 'gemm') return subjectOf(chosen(GEMM, items), (item) => job(gemmGraph(item), item.calls), facts);
  if (work === 'elementwise')
    return subjectOf(chosen(ELEMENTWISE, items), (item) => job(elementwiseGraph(item)), facts);
  if (work === 'attention') {
    const forward = chosen(ATTENTION, items).filter(({ backward }) => !backward);
    return subjectOf(forward, (item) => job(attentionGraph(item), item.calls), facts);
  }
  return subjectOf(FORWARD, ({ B, calls }) => job(encoderGraph(modelOf('step', B)), calls), facts, { seconds: 1 });
}
