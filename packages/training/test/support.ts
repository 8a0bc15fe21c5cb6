import { initialize, Linear, Dropout, meanSquaredError, Module } from '@qkv/nn';
import { AdamW, constant, ExponentialMovingAverage } from '@qkv/optim';
import { philox, tensor, type Tensor } from '@qkv/tensor';

import { trainingStep, type CheckpointFile, type CheckpointStore } from '../src';
import { parse, serialize, type SafetensorsFile } from '@qkv/safetensors';

/** A small network with dropout. */
class Network extends Module {
  readonly hidden = new Linear({ inputs: 3, outputs: 8 });
  readonly dropout: Dropout;
  readonly output = new Linear({ inputs: 8, outputs: 1 });

  constructor(rate: number) {
    super();
    this.dropout = new Dropout({ rate });
  }

  override forward(x: Tensor): Tensor {
    return this.output.forward(this.dropout.forward(this.hidden.forward(x).tanh())); // (B, 3) → (B, 1)
  }
}

export interface Batch {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly rows: number;
  readonly next: { readonly epoch: number; readonly batch: number };
}

const BATCHES = 5;

/** Batches without end that depend on their place alone. */
export function source(rows: number, batchesPerEpoch = BATCHES): { from(cursor: Batch['next']): Iterable<Batch> } {
  return {
    *from({ epoch, batch }) {
      for (;;) {
        const numbers = (count: number, stream: number): Float32Array =>
          Float32Array.from({ length: count }, (_, i) => philox([i, epoch, batch, stream], [7, 7])[0] / 2 ** 31 - 1);
        const x = numbers(rows * 3, 0);
        const y = Float32Array.from({ length: rows }, (_, row) => x[3 * row] * x[3 * row + 1] - 0.5 * x[3 * row + 2]);
        if (++batch === batchesPerEpoch) [epoch, batch] = [epoch + 1, 0];
        yield { x, y, rows, next: { epoch, batch } };
      }
    },
  };
}

/** A model, its optimiser and their step. */
export function setUp({ dropout = 0.2, accumulate = false, average = false, seed = 3 } = {}) {
  const model = new Network(dropout);
  initialize(model, { seed });
  const optimizer = new AdamW(model.parameters(), { learningRate: constant({ learningRate: 0.01 }), clipNorm: 1 });
  const update = trainingStep({
    optimizer,
    loss: (x: Tensor, y: Tensor) => meanSquaredError(model.forward(x), y),
    average: average ? new ExponentialMovingAverage(model.parameters(), { decay: 0.9 }) : undefined,
    accumulate,
    seed,
  });
  const step = (batches: readonly Batch[]) =>
    update(batches.map(({ x, y, rows }) => [tensor(x, [rows, 3]), tensor(y, [rows, 1])] as const));
  return { model, step, state: { model, ...update.state }, counters: update.counters };
}

/** All values of a model, one behind the other. */
export async function weights(model: Module): Promise<number[]> {
  const values = await Promise.all(model.variables().map((variable) => variable.data()));
  return values.flatMap((value) => [...value]);
}

/** Checkpoints in memory, as bytes. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly files = new Map<number, Uint8Array>();

  async list(): Promise<number[]> {
    return [...this.files.keys()].sort((a, b) => a - b);
  }

  async save(step: number, { tensors, metadata }: CheckpointFile): Promise<void> {
    this.files.set(step, serialize(tensors, metadata));
  }

  async load(step: number): Promise<SafetensorsFile> {
    return parse(this.files.get(step)!);
  }

  async remove(step: number): Promise<void> {
    this.files.delete(step);
  }

  describe(step: number): string {
    return `checkpoint ${step}`;
  }
}
