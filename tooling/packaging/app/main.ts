/** A page that trains one step and then asks the model, on the WebAssembly backend. */
import { grad } from '@qkv/autograd';
import { type Numerics, useWasm, type WasmBackend } from '@qkv/backend-wasm';
import { crossEntropy, Linear, Module } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { compile, gelu, softmax, tensor, type Tensor } from '@qkv/tensor';

class Classifier extends Module {
  readonly hidden = new Linear({ inputs: 2, outputs: 16 });
  readonly head = new Linear({ inputs: 16, outputs: 2 });
  forward(x: Tensor): Tensor {
    return this.head.forward(gelu(this.hidden.forward(x))); // (B, 2)
  }
}

async function main() {
  // With ?own, kernels and workers come from files of the page, as under a policy that forbids inline code.
  const files = { url: (numerics: Numerics) => `/kernels-${numerics}.wasm`, workerUrl: '/worker.js' };
  const engine = await useWasm({ inlineBelow: 0, ...(location.search === '?own' ? files : {}) }); // this model is so small that the workers would have nothing to do
  const model = new Classifier();
  const optimizer = new AdamW(model.parameters(), { learningRate: 0.02 });
  const step = compile(
    (points: Tensor, labels: Tensor) => {
      const loss = crossEntropy(model.forward(points), labels).mean();
      optimizer.apply(grad(loss, model.parameters()));
      return loss;
    },
    { mode: 'train', seed: 1 },
  );
  const infer = compile((points: Tensor) => softmax(model.forward(points)));

  const points = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]); // prettier-ignore
  const labels = tensor(Int32Array.of(0, 1, 1, 0)); // exclusive or
  const loss = await (await step(points, labels)).item();
  const probabilities = Array.from((await (await infer(points)).data()) as Float32Array); // (B, 2)
  const { numerics, threads } = engine.backend as WasmBackend;
  return { isolated: globalThis.crossOriginIsolated, numerics, threads, loss, probabilities };
}

const show = (value: unknown) => (document.querySelector('#result')!.textContent = JSON.stringify(value));
main().then(show, (error) => show({ error: String(error) }));
