import type { HostData, TensorSpec } from './dtype';
import { elementCount } from './shape';

/** Host values as the bytes that the device keeps: 4 per element, or doubles where everything is float64. */
export function toDevice(data: HostData, spec: TensorSpec, elementSize: number): Uint8Array {
  let array: Float32Array | Float64Array | Int32Array;
  if (elementSize === 8) array = Float64Array.from(data);
  else if (spec.dtype === 'float32') array = data instanceof Float32Array ? data : Float32Array.from(data);
  else array = data instanceof Int32Array ? data : Int32Array.from(data);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Device bytes as the host's arrays; float32 tensors of a float64 engine come as doubles. */
export function fromDevice(bytes: Uint8Array, spec: TensorSpec, elementSize: number): HostData {
  const count = elementCount(spec.shape);
  const buffer = bytes.byteOffset % 8 === 0 ? bytes.buffer : bytes.slice().buffer;
  const offset = buffer === bytes.buffer ? bytes.byteOffset : 0;
  if (elementSize === 8) {
    const values = new Float64Array(buffer, offset, count);
    if (spec.dtype === 'float32') return values;
    return spec.dtype === 'int32' ? Int32Array.from(values) : Uint8Array.from(values);
  }
  if (spec.dtype === 'float32') return new Float32Array(buffer, offset, count);
  const words = new Int32Array(buffer, offset, count);
  return spec.dtype === 'int32' ? words : Uint8Array.from(words);
}

/** Lets timers, signals and input have their turn between runs: promises alone would starve them. */
export const nextTask: () => Promise<void> = (() => {
  const { setImmediate } = globalThis as { setImmediate?: (fn: () => void) => void };
  if (setImmediate !== undefined) return () => new Promise<void>((resolve) => setImmediate(resolve));
  return () =>
    new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
})();
