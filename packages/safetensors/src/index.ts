export { dtypes, type Dtype, type DtypeArrays, type TensorEntry } from './dtypes';
export { dequantize } from './dequantize';
export { SafetensorsError, type SafetensorsErrorCode } from './error';
export { parse, type SafetensorsFile } from './parse';
export type { QuantizationFormat } from './quantization-format';
export { quantize, type QuantizeOptions } from './quantize';
export { serialize, type NamedTensors } from './serialize';
export { toFloat32 } from './to-float32';
