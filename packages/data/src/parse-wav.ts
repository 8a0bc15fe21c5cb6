/** A WAV file that is not what it says. The message begins with the byte, counted from 0. */
export class WavError extends Error {
  override readonly name = 'WavError';

  constructor(
    message: string,
    readonly byte: number,
    /** The `name` that was given with the bytes. */
    readonly file?: string,
  ) {
    super(`${file === undefined ? '' : `${file}: `}byte ${byte}: ${message}`);
  }
}

/** Sound, one array for each channel: samples of whole numbers are divided by their full scale, so they lie in [-1, 1). */
export interface Waveform {
  /** Samples of one channel in a second. */
  readonly sampleRate: number;
  /** All of one length. Doubles hold the samples of every format exactly. */
  readonly channels: readonly Float64Array[];
}

export type SampleFormat = 'pcm8' | 'pcm16' | 'pcm24' | 'pcm32' | 'float32' | 'float64';

/** What the chunk `fmt ` says. */
interface Layout {
  readonly format: SampleFormat;
  readonly channels: number;
  readonly sampleRate: number;
  readonly blockAlign: number; // bytes of one sample of all channels
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const bytesOf: Record<SampleFormat, number> = { pcm8: 1, pcm16: 2, pcm24: 3, pcm32: 4, float32: 4, float64: 8 };
/** The last 14 bytes of the sub-formats {0000xxxx-0000-0010-8000-00aa00389b71}. */
const SUBFORMAT = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const rewrite = 'write the file anew (ffmpeg -i in.wav -c:a pcm_s16le out.wav)';

/**
 * Reads a WAV file of PCM (8, 16, 24 or 32 bits) or IEEE floats (32 or 64), WAVE_FORMAT_EXTENSIBLE included. Chunks other
 * than `fmt ` and `data` are skipped; the pad byte after a chunk of odd length may be missing at the end of the file.
 *
 * Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft 1991); WAVEFORMATEXTENSIBLE (Microsoft).
 *
 * @throws WavError that names the byte of the first field which is cut off, contradicts another or the length of the file,
 * or asks for a format that this does not read.
 */
export function parseWav(bytes: Uint8Array, { name }: { readonly name?: string } = {}): Waveform {
  const fail = (message: string, byte: number): WavError => new WavError(message, byte, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = checkHeader(bytes, view, fail);

  let layout: Layout | null = null;
  let audio: Waveform | null = null;
  for (let at = 12; at < end;) {
    if (end - at < 8)
      throw fail(`${end - at} bytes are left, a chunk begins with 8; the file is cut off or has rubbish behind it`, at);
    const id = text(bytes, at);
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (size > end - body) {
      throw fail(
        `chunk ${JSON.stringify(id)} says it has ${size} bytes, ${end - body} are left; the file is cut off, or ${rewrite}`,
        at + 4,
      );
    }
    if (id === 'fmt ') {
      if (layout !== null) throw fail('a second chunk "fmt "; remove it', at);
      layout = readLayout(bytes, view, body, size, fail);
    } else if (id === 'data') {
      if (layout === null) throw fail('chunk "data" comes before "fmt "; swap them', at);
      if (audio !== null) throw fail('a second chunk "data"; join them', at);
      if (size % layout.blockAlign !== 0) {
        throw fail(`chunk "data" says it has ${size} bytes, no whole number of blocks of ${layout.blockAlign}`, at + 4);
      }
      audio = readSamples(view, body, size / layout.blockAlign, layout);
    }
    at = body + size + (size % 2);
  }
  if (audio === null)
    throw fail(`the file ends without a chunk ${layout === null ? '"fmt "' : '"data"'}; it is cut off`, bytes.length);
  return audio;
}

type Fail = (message: string, byte: number) => WavError;

const text = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));

/** Where the chunks end. */
function checkHeader(bytes: Uint8Array, view: DataView, fail: Fail): number {
  if (bytes.length < 12)
    throw fail(`the file has ${bytes.length} bytes, a WAV file begins with 12; it is cut off`, bytes.length);
  const id = text(bytes, 0);
  if (id !== 'RIFF') {
    const other = id === 'RIFX' || id === 'RF64' ? `, which is not read here; ${rewrite}` : '; this is not a WAV file';
    throw fail(`expected "RIFF", got ${JSON.stringify(id)}${other}`, 0);
  }
  if (text(bytes, 8) !== 'WAVE')
    throw fail(`expected "WAVE", got ${JSON.stringify(text(bytes, 8))}; this is not a WAV file`, 8);
  const end = 8 + view.getUint32(4, true);
  // The pad byte of an odd last chunk is counted by some writers and not by others.
  if (end !== bytes.length && !(end % 2 === 1 && end + 1 === bytes.length)) {
    throw fail(`RIFF says ${end} bytes in all, the file has ${bytes.length}; it is cut off, or ${rewrite}`, 4);
  }
  return bytes.length;
}

function readLayout(bytes: Uint8Array, view: DataView, at: number, size: number, fail: Fail): Layout {
  if (size < 16) throw fail(`chunk "fmt " has ${size} bytes, expected at least 16`, at - 4);
  let tag = view.getUint16(at, true);
  let tagAt = at;
  if (tag === EXTENSIBLE) {
    if (size < 40) throw fail(`chunk "fmt " has ${size} bytes, an extensible one at least 40`, at - 4);
    const extra = view.getUint16(at + 16, true);
    if (extra < 22) throw fail(`an extensible "fmt " says it has ${extra} more bytes, expected at least 22`, at + 16);
    tagAt = at + 24;
    tag = view.getUint16(tagAt, true);
    if (SUBFORMAT.some((byte, i) => bytes[tagAt + 2 + i] !== byte))
      throw fail(`an unknown sub-format; ${rewrite}`, tagAt);
  }
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const byteRate = view.getUint32(at + 8, true);
  const blockAlign = view.getUint16(at + 12, true);
  const bits = view.getUint16(at + 14, true);
  if (tag !== PCM && tag !== FLOAT) throw fail(`format ${tag} is neither PCM (1) nor float (3); ${rewrite}`, tagAt);
  const format = `${tag === PCM ? 'pcm' : 'float'}${bits}`;
  if (!(format in bytesOf)) {
    throw fail(
      `${bits} bits for ${tag === PCM ? 'PCM, expected 8, 16, 24 or 32' : 'floats, expected 32 or 64'}; ${rewrite}`,
      at + 14,
    );
  }
  if (channels === 0) throw fail('0 channels, expected at least 1', at + 2);
  if (sampleRate === 0) throw fail('0 samples a second, expected at least 1', at + 4);
  if (blockAlign !== (channels * bits) / 8) {
    throw fail(
      `${blockAlign} bytes a block, expected ${(channels * bits) / 8} for ${channels} × ${bits} bits`,
      at + 12,
    );
  }
  if (byteRate !== sampleRate * blockAlign) {
    throw fail(
      `${byteRate} bytes a second, expected ${sampleRate * blockAlign} for ${sampleRate} × ${blockAlign}`,
      at + 8,
    );
  }
  if (view.getUint16(at, true) === EXTENSIBLE) {
    // Fewer valid bits are kept in the upper ones of each sample, so the full scale stays that of all bits.
    const valid = view.getUint16(at + 18, true);
    if (valid === 0 || valid > bits) throw fail(`${valid} valid bits, expected 1 to ${bits}`, at + 18);
  }
  return { format: format as SampleFormat, channels, sampleRate, blockAlign };
}

const readers: Record<SampleFormat, (view: DataView, at: number) => number> = {
  pcm8: (view, at) => (view.getUint8(at) - 128) / 2 ** 7, // the only one without a sign
  pcm16: (view, at) => view.getInt16(at, true) / 2 ** 15,
  pcm24: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  pcm32: (view, at) => view.getInt32(at, true) / 2 ** 31,
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
};

function readSamples(
  view: DataView,
  at: number,
  length: number,
  { format, channels, sampleRate, blockAlign }: Layout,
): Waveform {
  const read = readers[format];
  const width = bytesOf[format];
  return {
    sampleRate,
    channels: Array.from({ length: channels }, (_, c) => {
      const samples = new Float64Array(length);
      for (let i = 0; i < length; i++) samples[i] = read(view, at + i * blockAlign + c * width);
      return samples;
    }),
  };
}

/** The mean of all channels. */
export function mixDown({ channels }: Waveform): Float64Array {
  const mixed = Float64Array.from(channels[0]);
  for (const channel of channels.slice(1)) for (let i = 0; i < mixed.length; i++) mixed[i] += channel[i];
  for (let i = 0; i < mixed.length; i++) mixed[i] /= channels.length;
  return mixed;
}
