import { describe, expect, test } from 'vitest';

import { GEMM, modelOf } from '../workload.mjs';
import { encodeModel, type Graph, varint } from './encoder.mjs';
import { encoderGraph, gemmGraph } from './models.mjs';

type Field = [number: number, value: bigint | Uint8Array];

/** A reader of its own: fields of one message in order, of the three wire types that the encoder writes. */
function fieldsOf(bytes: Uint8Array): Field[] {
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Uint8Array => bytes.subarray(at, (at += length));
  const fields: Field[] = [];
  while (at < bytes.length) {
    const key = Number(number());
    const wire = key & 7;
    if (![0, 2, 5].includes(wire)) throw new Error(`wire type ${wire} at ${at}`);
    fields.push([key >> 3, wire === 0 ? number() : take(wire === 5 ? 4 : Number(number()))]);
  }
  return fields;
}
const all = (fields: readonly Field[], number: number): Uint8Array[] =>
  fields.filter(([n]) => n === number).map(([, value]) => value as Uint8Array);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('protocol buffers', () => {
  test('numbers are those of the specification', () => {
    // https://protobuf.dev/programming-guides/encoding: 150 is 96 01; −2 has ten bytes.
    expect(varint(1)).toEqual([1]);
    expect(varint(150)).toEqual([0x96, 0x01]);
    expect(varint(300)).toEqual([0xac, 0x02]);
    expect(varint(-2)).toEqual([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
  });
});

describe('a model', () => {
  const graph: Graph = {
    inputs: [{ name: 'x', shape: [2, 300] }],
    outputs: [{ name: 'y', shape: [2] }],
    initializers: [{ name: 'axes', shape: [1], data: BigInt64Array.of(-1n) }],
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['x', 'axes'],
        outputs: ['y'],
        attributes: { keepdims: 0, ints: [1, 2], eps: { float: 0.5 } },
      },
    ],
  };
  const model = fieldsOf(encodeModel(graph));
  const body = fieldsOf(all(model, 7)[0]);

  test('has its version and its set of operators', () => {
    expect(model[0]).toEqual([1, 9n]);
    expect(fieldsOf(all(model, 8)[0])).toEqual([
      [1, new Uint8Array(0)],
      [2, 20n],
    ]);
  });

  test('has ports with their shapes', () => {
    const [name, type] = fieldsOf(all(body, 11)[0]);
    expect(text(name[1] as Uint8Array)).toBe('x');
    const [element, shape] = fieldsOf(all(fieldsOf(type[1] as Uint8Array), 1)[0]);
    expect(element).toEqual([1, 1n]); // FLOAT
    expect(all(fieldsOf(shape[1] as Uint8Array), 1).map((dimension) => fieldsOf(dimension))).toEqual([
      [[1, 2n]],
      [[1, 300n]],
    ]);
  });

  test('has nodes with attributes of each kind', () => {
    const node = fieldsOf(all(body, 1)[0]);
    expect([...all(node, 1), ...all(node, 2), ...all(node, 4)].map(text)).toEqual(['x', 'axes', 'y', 'ReduceMean']);
    const attributes = all(node, 5).map((bytes) => fieldsOf(bytes).slice(1));
    expect(attributes[0]).toEqual([
      [3, 0n],
      [20, 2n],
    ]);
    expect(attributes[1]).toEqual([
      [8, 1n],
      [8, 2n],
      [20, 7n],
    ]);
    expect(attributes[2]).toEqual([
      [2, new Uint8Array(Float32Array.of(0.5).buffer)],
      [20, 1n],
    ]);
  });

  test('has initial values as they lie in memory', () => {
    const tensor = fieldsOf(all(body, 5)[0]);
    expect(tensor.slice(0, 2)).toEqual([
      [1, 1n],
      [2, 7n],
    ]);
    expect([...all(tensor, 9)[0]]).toEqual(Array(8).fill(255));
  });
});

describe('graphs of the workloads', () => {
  test.each([
    ['of a product', gemmGraph(GEMM.find(({ layout }) => layout === 'TN')!)],
    ['of the encoder', encoderGraph({ ...modelOf('step', 2), T: 4, D: 8, H: 2, F: 16, layers: 2 })],
  ])(
    '%s use nothing before it is there, and write no name twice',
    (_, { inputs, initializers = [], nodes, outputs }) => {
      const known = new Set([...inputs, ...initializers].map(({ name }) => name));
      for (const node of nodes) {
        for (const name of node.inputs) expect(known.has(name), `${node.op} reads ${name}`).toBe(true);
        for (const name of node.outputs) {
          expect(known.has(name)).toBe(false);
          known.add(name);
        }
      }
      for (const { name } of outputs) expect(known.has(name)).toBe(true);
      for (const { shape, data } of initializers) expect(data).toHaveLength(shape.reduce((n, size) => n * size, 1));
    },
  );
});
