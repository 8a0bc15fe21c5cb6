/**
 * Writes ONNX models, so that onnxruntime can be given the same work without a file from elsewhere. The format is protocol
 * buffers (https://protobuf.dev/programming-guides/encoding) of the messages in onnx.proto; numbers below are its fields.
 *
 * @typedef {{ name: string, shape: readonly number[] }} Port a float32 tensor that goes in or comes out
 * @typedef {{ name: string, shape: readonly number[], data: Float32Array | BigInt64Array }} Initializer
 * @typedef {Readonly<Record<string, number | { readonly float: number } | readonly number[]>>} Attributes integers, floats, lists of integers
 * @typedef {{ op: string, inputs: readonly string[], outputs: readonly string[], attributes?: Attributes }} OnnxNode
 * @typedef {{ inputs: readonly Port[], outputs: readonly Port[], initializers?: readonly Initializer[], nodes: readonly OnnxNode[] }} Graph
 */

const OPSET = 20; // the first with Gelu
const IR_VERSION = 9; // which belongs to it
const FLOAT = 1;
const INT64 = 7;
/** AttributeProto.AttributeType. */
const ATTRIBUTE = { float: 1, int: 2, ints: 7 };

/** Base 128, low groups first; negative numbers as 64-bit two's complement. @returns {number[]} */
export function varint(/** @type {number | bigint} */ value) {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}

const key = (/** @type {number} */ field, /** @type {number} */ wireType) => varint((field << 3) | wireType);

const integer = (/** @type {number} */ field, /** @type {number} */ value) =>
  Uint8Array.from([...key(field, 0), ...varint(value)]);

const float = (/** @type {number} */ field, /** @type {number} */ value) =>
  Uint8Array.from([...key(field, 5), ...new Uint8Array(Float32Array.of(value).buffer)]);

const join = (/** @type {readonly Uint8Array[]} */ parts) => {
  const bytes = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

/** Bytes, a text or a message behind their length. */
function block(/** @type {number} */ field, /** @type {Uint8Array | string | readonly Uint8Array[]} */ content) {
  const bytes =
    typeof content === 'string'
      ? new TextEncoder().encode(content)
      : content instanceof Uint8Array
        ? content
        : join(content);
  return join([Uint8Array.from([...key(field, 2), ...varint(bytes.length)]), bytes]);
}

const attribute = (/** @type {[string, Attributes[string]]} */ [name, value]) => {
  if (typeof value === 'number') return block(5, [block(1, name), integer(3, value), integer(20, ATTRIBUTE.int)]);
  if ('float' in value) return block(5, [block(1, name), float(2, value.float), integer(20, ATTRIBUTE.float)]);
  return block(5, [block(1, name), ...value.map((one) => integer(8, one)), integer(20, ATTRIBUTE.ints)]);
};

const node = (/** @type {OnnxNode} */ { op, inputs, outputs, attributes = {} }) =>
  block(1, [
    ...inputs.map((name) => block(1, name)),
    ...outputs.map((name) => block(2, name)),
    block(4, op),
    ...Object.entries(attributes).map(attribute),
  ]);

const initializer = (/** @type {Initializer} */ { name, shape, data }) =>
  block(5, [
    ...shape.map((size) => integer(1, size)),
    integer(2, data instanceof Float32Array ? FLOAT : INT64),
    block(8, name),
    block(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);

const port = (/** @type {number} */ field, /** @type {Port} */ { name, shape }) => {
  const dimensions = shape.map((size) => block(1, [integer(1, size)]));
  return block(field, [block(1, name), block(2, [block(1, [integer(1, FLOAT), block(2, dimensions)])])]);
};

/** @returns {Uint8Array} a ModelProto */
export function encodeModel(/** @type {Graph} */ { inputs, outputs, initializers = [], nodes }) {
  const graph = [
    ...nodes.map(node),
    block(2, 'bench'),
    ...initializers.map(initializer),
    ...inputs.map((input) => port(11, input)),
    ...outputs.map((output) => port(12, output)),
  ];
  return join([
    integer(1, IR_VERSION),
    block(2, 'qkv-bench'),
    block(7, graph),
    block(8, [block(1, ''), integer(2, OPSET)]),
  ]);
}
