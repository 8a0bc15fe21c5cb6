import type { TensorEntry } from './dtypes';
import { SafetensorsError } from './error';

/**
 * The elements of a floating-point tensor as float32: F16 and BF16 exactly, F64 rounded to nearest, F32 as it stands
 * (the same array, not a copy).
 *
 * @throws SafetensorsError for integer and BOOL tensors, whose conversion is the caller's decision.
 */
export function toFloat32(entry: TensorEntry): Float32Array {
  switch (entry.dtype) {
    case 'F32':
      return entry.data;
    case 'F64':
      return new Float32Array(entry.data);
    case 'BF16':
      return fromBits(entry.data, (bits) => bits << 16);
    case 'F16':
      return fromBits(entry.data, halfToSingle);
    default:
      throw new SafetensorsError(
        'dtype',
        `toFloat32: expected a tensor of F16, BF16, F32 or F64, got ${entry.dtype}; convert its data yourself`,
      );
  }
}

function fromBits(source: Uint16Array, convert: (bits: number) => number): Float32Array {
  const bits = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) bits[i] = convert(source[i]);
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16 bits → binary32 bits. */
function halfToSingle(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13); // infinity, NaN
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13); // 112 = 127 - 15, the two biases
  if (mantissa === 0) return sign;
  // Subnormal: m · 2^-24. Its leading one becomes the implicit bit.
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}
