import { elementCount, type Dtype } from './dtypes';
import { quote, SafetensorsError } from './error';

/** What the numbers of a file were reduced to. */
export type QuantizationFormat = 'fp16' | 'int8';

/** Name of the tensor that holds all scales of an int8 file: tensor by tensor in the order of their names, by code point. */
export const SCALES = 'quantization.scales';
/** Key of the text that says how to read the file. */
export const METADATA_KEY = 'quantization';

const VERSION = 1;

/**
 * What stands in the metadata, as JSON. One axis for most tensors, so that the header stays small: names cost more than
 * scales.
 */
export interface Description {
  readonly format: QuantizationFormat;
  /** Channel axis of int8 tensors that `axes` does not name; −1 is the last. */
  readonly axis: number;
  readonly axes: ReadonlyMap<string, number>;
  /** I8 tensors that were integers from the start. */
  readonly untouched: ReadonlySet<string>;
}

/** Whether a tensor of this type is made smaller. */
export const isQuantizable = (dtype: Dtype): boolean => ['F64', 'F32', 'BF16', 'F16'].includes(dtype);

/** Tells what follows apart from the metadata of earlier and later versions. */
export function describe({ format, axis, axes, untouched }: Description): string {
  return JSON.stringify({
    format,
    version: VERSION,
    ...(format === 'int8' && { axis }),
    ...(axes.size > 0 && { axes: Object.fromEntries(axes) }),
    ...(untouched.size > 0 && { untouched: [...untouched] }),
  });
}

/** Reads and checks what {@link describe} has written. */
export function readDescription(text: string | undefined): Description {
  if (text === undefined) {
    throw refusal(
      `its metadata have no ${quote(METADATA_KEY)}; it is not a quantized file, use its tensors as they are`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refusal(`its metadata ${quote(METADATA_KEY)} are ${quote(text)}, which is not JSON; save the file again`);
  }
  const { format, version, axis = -1, axes = {}, untouched = [] } = (value ?? {}) as Record<string, unknown>;
  if ((format !== 'fp16' && format !== 'int8') || version !== VERSION) {
    const found = `format ${printed(format)}, version ${printed(version)}`;
    throw refusal(
      `it has the unknown ${found}; known are fp16 and int8, version ${VERSION}: update this package, or save it again`,
    );
  }
  const isAxis = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= -1;
  const valid =
    isAxis(axis) &&
    typeof axes === 'object' &&
    axes !== null &&
    Object.values(axes).every(isAxis) &&
    Array.isArray(untouched) &&
    untouched.every((name) => typeof name === 'string');
  if (!valid) throw refusal(`its metadata ${quote(METADATA_KEY)} are damaged: ${quote(text)}; save the file again`);
  return {
    format,
    axis: axis as number,
    axes: new Map(Object.entries(axes as Record<string, number>)),
    untouched: new Set(untouched as string[]),
  };
}

const printed = (value: unknown): string => quote(String(JSON.stringify(value)));

export const refusal = (what: string): SafetensorsError =>
  new SafetensorsError('quantization', `dequantize: the file cannot be read; ${what}`);

/** A tensor as [outer, channels, inner]: element i belongs to channel ⌊i / inner⌋ mod channels. */
export function channelLayout(shape: readonly number[], axis: number): { channels: number; inner: number } {
  return { channels: shape[axis], inner: elementCount(shape.slice(axis + 1))! };
}
