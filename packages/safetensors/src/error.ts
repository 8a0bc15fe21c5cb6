/** What went wrong, for programs; the message says it for people. */
export type SafetensorsErrorCode =
  | 'header-length' // the length field is missing, over 100 MB or past the end of the file
  | 'header-json' // the header is not UTF-8, not JSON, or not of the expected structure
  | 'duplicate' // a key stands twice in one object
  | 'name' // a tensor name that no safetensors file can hold
  | 'dtype' // unknown dtype, or an array of another type than the dtype says
  | 'shape' // a dimension is not a whole number, or the size overflows
  | 'offsets' // data_offsets overlap, leave a hole, or disagree with shape and dtype
  | 'data-length' // the file is truncated, or has bytes that belong to no tensor
  | 'bool' // a BOOL byte that is neither 0 nor 1
  | 'metadata' // a metadata value that is not a string
  | 'range' // a number that the smaller type cannot hold
  | 'quantization' // an unknown format, or scales that are missing or wrong
  | 'index' // an index that names no file of its folder, or other tensors than its shards hold
  | 'not-found'
  | 'unreadable'
  | 'unwritable'
  | 'platform'; // a big-endian machine

/** The only error thrown on bad input: one line that says what is wrong, where, and how to mend it. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly code: SafetensorsErrorCode;

  constructor(code: SafetensorsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Text from a file, made safe for one line of a terminal: quoted, escaped, at most 80 characters. */
export function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  // JSON leaves DEL, the C1 controls and the line separators as they are; a terminal would obey them.
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
