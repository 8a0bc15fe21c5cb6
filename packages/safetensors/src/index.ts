export { dtypes, type Dtype, type DtypeArrays, type TensorEntry } from './dtypes';
export { SafetensorsError, type SafetensorsErrorCode } from './error';
export { parse, type SafetensorsFile } from './parse';
export { serialize, type NamedTensors } from './serialize';
export { toFloat32 } from './to-float32';
