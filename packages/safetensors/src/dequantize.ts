import type { TensorEntry } from './dtypes';
import { quote } from './error';
import type { SafetensorsFile } from './parse';
import {
  channelLayout,
  type Description,
  isQuantizable,
  METADATA_KEY,
  readDescription,
  refusal,
  SCALES,
} from './quantization-format';
import { checkTensor, compareCodePoints } from './serialize';
import { toFloat32 } from './to-float32';

/**
 * The float32 tensors of a file that `quantize` made: F16 exactly, I8 as q · s, rounded to float32. Integers and booleans
 * stay as they are, and the metadata are those that `quantize` was given.
 *
 * @throws SafetensorsError on files without or with an unknown format, and if scales are missing, left over or not
 * finite and at least 0.
 */
export function dequantize({ tensors, metadata }: SafetensorsFile): SafetensorsFile {
  const { [METADATA_KEY]: text, ...rest } = metadata;
  const description = readDescription(text);
  for (const [name, entry] of tensors) checkTensor(name, entry);
  const axes = channelAxes(tensors, description);
  const scales = takeScales(tensors, axes);
  const result = new Map<string, TensorEntry>();
  for (const [name, entry] of tensors) {
    const own = scales.get(name);
    if (own !== undefined) result.set(name, fromInt8(name, entry, axes.get(name)!, own));
    else if (isQuantizable(entry.dtype)) result.set(name, { dtype: 'F32', shape: entry.shape, data: toFloat32(entry) });
    else result.set(name, entry);
  }
  if (axes.size > 0) result.delete(SCALES);
  return { tensors: result, metadata: Object.assign(Object.create(null) as Record<string, string>, rest) };
}

/** The axis of each quantized tensor, in the order of the scales. */
function channelAxes(tensors: SafetensorsFile['tensors'], description: Description): Map<string, number> {
  const { format, axis: usual, axes, untouched } = description;
  const stray = [...axes.keys(), ...untouched].find((name) => tensors.get(name)?.dtype !== 'I8');
  if (stray !== undefined)
    throw refusal(`its metadata name tensor ${quote(stray)}, which is no I8 tensor of it; save it again`);
  if (format !== 'int8') return new Map();
  const names = [...tensors]
    .filter(([name, { dtype }]) => dtype === 'I8' && !untouched.has(name))
    .map(([name]) => name);
  return new Map(
    names.toSorted(compareCodePoints).map((name) => {
      const { shape } = tensors.get(name)!;
      const given = axes.get(name) ?? usual;
      const axis = given === -1 ? shape.length - 1 : given;
      if (shape.length >= 2 && axis < shape.length) return [name, axis];
      throw refusal(`tensor ${quote(name)} of shape [${shape}] has no channel axis ${given}; save it again`);
    }),
  );
}

/** The scales of each quantized tensor. */
function takeScales(tensors: SafetensorsFile['tensors'], axes: ReadonlyMap<string, number>): Map<string, Float32Array> {
  const result = new Map<string, Float32Array>();
  if (axes.size === 0) return result;
  const needed = [...axes].reduce((sum, [name, axis]) => sum + tensors.get(name)!.shape[axis], 0);
  const entry = tensors.get(SCALES);
  if (entry === undefined) throw refusal(`it has I8 tensors but no ${quote(SCALES)}; save it again`);
  const { dtype, shape } = entry;
  if ((dtype !== 'F16' && dtype !== 'F32') || shape.length !== 1 || shape[0] !== needed) {
    throw refusal(`${quote(SCALES)} is ${dtype} [${shape}], its tensors need F16 or F32 [${needed}]; save it again`);
  }
  const scales = toFloat32(entry);
  const wrong = scales.findIndex((scale) => !(scale >= 0 && scale < Infinity));
  if (wrong >= 0) throw refusal(`scale ${wrong} is ${scales[wrong]}, not a finite number from 0; save it again`);
  let position = 0;
  for (const [name, axis] of axes) {
    result.set(name, scales.subarray(position, (position += tensors.get(name)!.shape[axis])));
  }
  return result;
}

function fromInt8(name: string, { shape, data: source }: TensorEntry, axis: number, scales: Float32Array): TensorEntry {
  const { inner } = channelLayout(shape, axis);
  const values = source as Int8Array;
  const data = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    if (values[i] === -128) {
      throw refusal(`element ${i} of tensor ${quote(name)} is -128, symmetric I8 ends at -127; save it again`);
    }
    data[i] = values[i] * scales[Math.floor(i / inner) % scales.length];
  }
  return { dtype: 'F32', shape, data };
}
