import { checkWhole } from './check';
import type { Waveform, SampleFormat } from './parse-wav';

const writers: Record<SampleFormat, (view: DataView, at: number, sample: number) => void> = {
  pcm8: (view, at, sample) => view.setUint8(at, whole(sample, 8) + 128),
  pcm16: (view, at, sample) => view.setInt16(at, whole(sample, 16), true),
  pcm24: (view, at, sample) => {
    const value = whole(sample, 24);
    view.setUint16(at, value & 0xffff, true);
    view.setInt8(at + 2, value >> 16);
  },
  pcm32: (view, at, sample) => view.setInt32(at, whole(sample, 32), true),
  float32: (view, at, sample) => view.setFloat32(at, sample, true),
  float64: (view, at, sample) => view.setFloat64(at, sample, true),
};

/** The nearest whole number of so many bits; what is louder than full scale is cut. */
const whole = (sample: number, bits: number): number => {
  const scale = 2 ** (bits - 1);
  return Math.max(-scale, Math.min(scale - 1, Math.round(sample * scale)));
};

/**
 * Writes a WAV file with the chunks `fmt ` and `data`. Default format 'pcm16', which everything plays.
 *
 * @throws RangeError if there is no channel, they differ in length, or the sample rate is not a whole number.
 */
export function writeWav({ sampleRate, channels }: Waveform, format: SampleFormat = 'pcm16'): Uint8Array {
  checkWhole('writeWav: sampleRate', sampleRate, 1, 2 ** 32 - 1);
  checkWhole('writeWav: number of channels', channels.length, 1, 2 ** 13 - 1);
  const { length } = channels[0];
  const odd = channels.findIndex((channel) => channel.length !== length);
  if (odd >= 0)
    throw new RangeError(`writeWav: channel ${odd} has ${channels[odd].length} samples, channel 0 has ${length}`);
  const bits = Number(format.replace(/\D+/, ''));
  const width = bits / 8;
  const blockAlign = channels.length * width;
  const size = length * blockAlign;
  const bytes = new Uint8Array(44 + size + (size % 2));
  const view = new DataView(bytes.buffer);
  const put = (at: number, id: string): void =>
    bytes.set(
      Array.from(id, (sign) => sign.charCodeAt(0)),
      at,
    );
  put(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  put(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, format.startsWith('pcm') ? 1 : 3, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * blockAlign, true);
  view.setUint16(32, blockAlign, true);
  view.setUint16(34, bits, true);
  put(36, 'data');
  view.setUint32(40, size, true);
  channels.forEach((channel, c) => {
    for (let i = 0; i < length; i++) writers[format](view, 44 + i * blockAlign + c * width, channel[i]);
  });
  return bytes;
}
