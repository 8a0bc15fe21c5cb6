import type { TensorEntry } from './dtypes';
import { quote, SafetensorsError } from './error';
import type { SafetensorsFile } from './parse';
import {
  channelLayout,
  describe,
  isQuantizable,
  METADATA_KEY,
  type QuantizationFormat,
  SCALES,
} from './quantization-format';
import { checkTensor, compareCodePoints, entriesOf, type NamedTensors } from './serialize';
import { halfBits } from './to-float16';
import { toFloat32 } from './to-float32';

export interface QuantizeOptions {
  /**
   * For int8: the axis along which each index has a scale of its own, counted from the end if negative; −1 by default.
   * Where weights are stored (outputs, inputs), as in torch and @qkv/nn, `() => 0` makes it one scale per output.
   */
  readonly channelAxis?: (name: string, shape: readonly number[]) => number;
  /** Texts of the file, kept beside our own. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Makes weights smaller for a file: `serialize` the result, and `dequantize` what `parse` gives.
 *
 * 'fp16': floating-point tensors as F16, rounded once, to nearest, ties to even. Half the size; the relative error is at
 * most 2^-11, below 2^-14 the absolute one at most 2^-25. NaN is kept.
 *
 * 'int8': floating-point tensors of two and more dimensions as I8, symmetric per channel: q = round(w / s) with
 * s = max|w| / 127 over the channel. A quarter of the size; the error is at most s/2. Other floating-point tensors as F16.
 * Scales are one tensor, `quantization.scales`: F16, or F32 if one of them is not a normal number there.
 *
 * Integers and booleans stay as they are. The metadata `quantization` say how to read the file.
 * Source: Jacob et al. 2018, §2.1, with zero-point 0; Krishnamoorthi 2018, §3.1.
 *
 * @throws SafetensorsError naming tensor and value: beyond ±65504 for F16, NaN or infinite for I8.
 */
export function quantize(
  tensors: NamedTensors,
  format: QuantizationFormat,
  options: QuantizeOptions = {},
): SafetensorsFile {
  if (format !== 'fp16' && format !== 'int8') {
    throw new SafetensorsError('quantization', `quantize: unknown format ${quote(String(format))}; use fp16 or int8`);
  }
  const { channelAxis = () => -1, metadata = {} } = options;
  if (Object.hasOwn(metadata, METADATA_KEY)) {
    throw new SafetensorsError('metadata', `quantize: metadata ${quote(METADATA_KEY)} are ours; choose another key`);
  }
  // By name, which is the order of the scales.
  const entries = entriesOf(tensors).toSorted(([a], [b]) => compareCodePoints(a, b));
  const result = new Map<string, TensorEntry>();
  const untouched = new Set<string>();
  const channelled: Channelled[] = [];
  for (const [name, entry] of entries) {
    checkTensor(name, entry);
    if (name === SCALES) throw failure('name', name, 'this name is reserved for scales; choose another');
    if (!isQuantizable(entry.dtype)) {
      if (entry.dtype === 'I8') untouched.add(name);
      result.set(name, entry);
    } else if (format === 'fp16' || entry.shape.length < 2) {
      result.set(name, toHalf(name, entry));
    } else {
      channelled.push(measure(name, entry, channelAxis(name, entry.shape)));
    }
  }
  if (channelled.length > 0) {
    const scales = scaleTable(channelled);
    result.set(SCALES, scales);
    const values = toFloat32(scales);
    let position = 0;
    for (const one of channelled)
      result.set(one.name, toInt8(one, values.subarray(position, (position += one.largest.length))));
  }
  const axis = mostFrequent(channelled.map((one) => one.axis)) ?? -1;
  const axes = new Map(channelled.filter((one) => one.axis !== axis).map((one) => [one.name, one.axis]));
  const description = describe({ format, axis, axes, untouched: format === 'int8' ? untouched : new Set() });
  return { tensors: result, metadata: { ...metadata, [METADATA_KEY]: description } };
}

const failure = (code: 'name' | 'shape' | 'range', name: string, what: string): SafetensorsError =>
  new SafetensorsError(code, `quantize: tensor ${quote(name)}: ${what}`);

const valuesOf = (entry: TensorEntry): Float32Array | Float64Array =>
  entry.dtype === 'F64' ? entry.data : toFloat32(entry);

/** Largest finite number of F16. */
const HALF_MAXIMUM = 65504;

function toHalf(name: string, entry: TensorEntry): TensorEntry {
  if (entry.dtype === 'F16') return entry;
  const values = valuesOf(entry);
  const data = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) > HALF_MAXIMUM) {
      throw failure(
        'range',
        name,
        `element ${i} is ${values[i]}, beyond the ±${HALF_MAXIMUM} of F16; keep the file in F32`,
      );
    }
    data[i] = halfBits(values[i]);
  }
  return { dtype: 'F16', shape: entry.shape, data };
}

/** A tensor that becomes I8. */
interface Channelled {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array;
  /** As it stands in the metadata: −1 for the last one. */
  readonly axis: number;
  readonly inner: number;
  /** max|w| of each channel. */
  readonly largest: Float64Array;
}

function measure(name: string, entry: TensorEntry, given: number): Channelled {
  const { shape } = entry;
  const rank = shape.length;
  if (!Number.isInteger(given) || given < -rank || given >= rank) {
    throw failure(
      'shape',
      name,
      `channelAxis gives ${given} for shape [${shape}]; it must be from ${-rank} to ${rank - 1}`,
    );
  }
  const axis = given < 0 ? given + rank : given;
  const { channels, inner } = channelLayout(shape, axis);
  const values = valuesOf(entry);
  const largest = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (!(size <= SINGLE_MAXIMUM)) {
      throw failure(
        'range',
        name,
        `element ${i} is ${values[i]}, which has no place in I8; use fp16, or look for what went wrong`,
      );
    }
    const channel = Math.floor(i / inner) % channels;
    if (size > largest[channel]) largest[channel] = size;
  }
  return { name, shape, values, axis: axis === rank - 1 ? -1 : axis, inner, largest };
}

/** Largest finite number of F32, and its smallest one above 0. */
const [SINGLE_MAXIMUM, SINGLE_MINIMUM] = [(2 - 2 ** -23) * 2 ** 127, 2 ** -149];
/** Smallest number of F16 that has all its digits. */
const HALF_NORMAL = 2 ** -14;

function scaleTable(channelled: readonly Channelled[]): TensorEntry {
  const scales = channelled.flatMap(({ largest }) => Array.from(largest, (size) => size / 127));
  const shape = [scales.length];
  if (scales.every((scale) => scale === 0 || (scale >= HALF_NORMAL && scale <= HALF_MAXIMUM))) {
    return { dtype: 'F16', shape, data: Uint16Array.from(scales, halfBits) };
  }
  return { dtype: 'F32', shape, data: Float32Array.from(scales, singleScale) };
}

/** As float32 such that q = ±127 reaches the largest value of the channel, and stays finite. */
function singleScale(scale: number): number {
  let rounded = Math.fround(scale);
  if (127 * rounded > SINGLE_MAXIMUM) rounded = Math.fround(rounded * (1 - 2 ** -23));
  // Among the subnormal numbers rounding may take as much as half of it, or all.
  return 127 * scale > 127.5 * rounded ? rounded + SINGLE_MINIMUM : rounded;
}

function toInt8({ shape, values, inner }: Channelled, scales: Float32Array): TensorEntry {
  const data = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const scale = scales[Math.floor(i / inner) % scales.length];
    if (scale === 0) continue;
    // By size, so that −w becomes −q: Math.round takes ties upwards.
    data[i] = Math.sign(values[i]) * Math.round(Math.abs(values[i]) / scale);
  }
  return { dtype: 'I8', shape, data };
}

function mostFrequent(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([a, m], [b, n]) => n - m || a - b)[0]?.[0];
}
