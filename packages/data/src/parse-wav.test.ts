import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { mixDown, parseWav, WavError, writeWav, type SampleFormat } from './index';

const formats: SampleFormat[] = ['pcm8', 'pcm16', 'pcm24', 'pcm32', 'float32', 'float64'];
const ascii = (text: string): number[] => Array.from(text, (sign) => sign.charCodeAt(0));
const u16 = (value: number): number[] => [value & 255, value >> 8];
const u32 = (value: number): number[] => [...u16(value % 65536), ...u16(Math.floor(value / 65536))];
const chunk = (id: string, body: number[], size = body.length): number[] => [
  ...ascii(id),
  ...u32(size),
  ...body,
  ...(body.length % 2 ? [0] : []),
];
const riff = (...chunks: number[][]): Uint8Array => {
  const body = [...ascii('WAVE'), ...chunks.flat()];
  return Uint8Array.from([...ascii('RIFF'), ...u32(body.length), ...body]);
};
const fmt = (
  tag: number,
  channels: number,
  rate: number,
  bits: number,
  changes: Record<number, number[]> = {},
): number[] => {
  const block = (channels * bits) / 8;
  const body = [...u16(tag), ...u16(channels), ...u32(rate), ...u32(rate * block), ...u16(block), ...u16(bits)];
  for (const [at, bytes] of Object.entries(changes)) body.splice(Number(at), bytes.length, ...bytes);
  return chunk('fmt ', body);
};
const subformat = (tag: number): number[] => [...u16(tag), 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const extensible = (tag: number, channels: number, bits: number, valid: number): number[] => {
  const block = (channels * bits) / 8;
  return chunk('fmt ', [
    ...u16(0xfffe),
    ...u16(channels),
    ...u32(8000),
    ...u32(8000 * block),
    ...u16(block),
    ...u16(bits),
    ...u16(22),
    ...u16(valid),
    ...u32(3),
    ...subformat(tag),
  ]);
};

describe('parseWav', () => {
  test('reads bytes written by hand, in every format', () => {
    const read = (...chunks: number[][]): number[][] =>
      parseWav(riff(...chunks)).channels.map((samples) => [...samples]);
    expect(read(fmt(1, 1, 8000, 8), chunk('data', [0, 128, 255]))).toEqual([[-1, 0, 127 / 128]]);
    expect(read(fmt(1, 2, 8000, 16), chunk('data', [0, 0x80, 1, 0, 0xff, 0x7f, 0xff, 0xff]))).toEqual([
      [-1, 32767 / 32768],
      [1 / 32768, -1 / 32768],
    ]);
    expect(read(fmt(1, 1, 8000, 24), chunk('data', [0, 0, 0x80, 0xff, 0xff, 0xff, 1, 2, 3]))).toEqual([
      [-1, -1 / 2 ** 23, 0x030201 / 2 ** 23],
    ]);
    expect(read(fmt(1, 1, 8000, 32), chunk('data', [1, 0, 0, 0x80]))).toEqual([[(1 - 2 ** 31) / 2 ** 31]]);
    expect(read(fmt(3, 1, 8000, 32), chunk('data', [0, 0, 0xc0, 0x3f]))).toEqual([[1.5]]);
    expect(read(fmt(3, 1, 8000, 64), chunk('data', [0, 0, 0, 0, 0, 0, 0xf8, 0xbf]))).toEqual([[-1.5]]);
    expect(read(extensible(1, 1, 16, 12), chunk('data', [0, 0x40]))).toEqual([[0.5]]);
    expect(read(extensible(3, 2, 32, 32), chunk('data', [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]))).toEqual([[1], [2]]);
  });

  test('skips other chunks, odd ones with their pad byte, and takes a file that ends without one', () => {
    const data = chunk('data', [1, 2, 3]);
    const whole = riff(chunk('LIST', [1, 2, 3, 4, 5]), fmt(1, 1, 8000, 8), data, chunk('id3 ', [9]));
    expect(parseWav(whole).channels[0].length).toBe(3);
    expect(parseWav(riff(fmt(1, 1, 8000, 8), data.slice(0, -1))).channels[0].length).toBe(3);
    const uncounted = riff(fmt(1, 1, 8000, 8), data);
    uncounted[4]--; // the pad byte is there, but RIFF does not count it
    expect(parseWav(uncounted).channels[0].length).toBe(3);
    expect(parseWav(riff(fmt(1, 1, 8000, 8), chunk('data', []))).channels).toEqual([new Float64Array(0)]);
  });

  test('what is written is read, as exactly as the format allows', () => {
    const samples = fc.array(fc.double({ min: -1, max: 0.99, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(samples, fc.constantFrom(...formats), fc.integer({ min: 1, max: 3 }), (values, format, count) => {
        const channels = Array.from({ length: count }, (_, c) => Float64Array.from(values, (v) => v / (c + 1)));
        const audio = parseWav(writeWav({ sampleRate: 16_000, channels }, format));
        const step = {
          pcm8: 2 ** -7,
          pcm16: 2 ** -15,
          pcm24: 2 ** -23,
          pcm32: 2 ** -31,
          float32: 2 ** -23,
          float64: 0,
        };
        expect([audio.sampleRate, audio.channels.length]).toEqual([16_000, count]);
        audio.channels.forEach((channel, c) => {
          expect(channel.length).toBe(values.length);
          channel.forEach((v, i) => expect(Math.abs(v - channels[c][i])).toBeLessThanOrEqual(step[format] / 2));
        });
        const again = parseWav(writeWav(audio, format));
        expect(again).toEqual(audio);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('mixes channels by their mean', () => {
    expect([...mixDown({ sampleRate: 1, channels: [Float64Array.of(1, 0), Float64Array.of(0, -1)] })]).toEqual([
      0.5, -0.5,
    ]);
  });
});

const data = chunk('data', [0, 0, 0, 0]);
const good = riff(fmt(1, 1, 8000, 16), data);

describe('names the byte that is wrong', () => {
  test.each<[string, Uint8Array, number, string]>([
    ['nothing', new Uint8Array(0), 0, 'the file has 0 bytes, a WAV file begins with 12; it is cut off'],
    [
      'MP3',
      Uint8Array.from([...ascii('ID3\u0003'), ...new Array<number>(40).fill(0)]),
      0,
      'expected "RIFF", got "ID3\\u0003"',
    ],
    [
      'RF64',
      good.with(1, 0x46).with(2, 0x36).with(3, 0x34),
      0,
      'expected "RIFF", got "RF64", which is not read here; write',
    ],
    ['AVI', good.with(8, 0x41), 8, 'expected "WAVE", got "AAVE"; this is not a WAV file'],
    [
      'a cut file',
      good.slice(0, -1),
      4,
      'RIFF says 48 bytes in all, the file has 47; it is cut off, or write the file anew',
    ],
    ['bytes behind', Uint8Array.from([...good, 0, 0]), 4, 'RIFF says 48 bytes in all, the file has 50'],
    ['a stream', good.with(4, 255).with(5, 255).with(6, 255).with(7, 255), 4, 'RIFF says 4294967303 bytes in all'],
    ['half a chunk', riff(fmt(1, 1, 8000, 16), data, [1, 2, 3]), 48, '3 bytes are left, a chunk begins with 8'],
    [
      'a long chunk',
      riff(fmt(1, 1, 8000, 16), chunk('data', [0, 0], 6)),
      40,
      'chunk "data" says it has 6 bytes, 2 are left',
    ],
    ['a short fmt', riff(chunk('fmt ', [1, 0]), data), 16, 'chunk "fmt " has 2 bytes, expected at least 16'],
    ['no fmt', riff(data), 12, 'chunk "data" comes before "fmt "; swap them'],
    ['no chunks', riff(), 12, 'the file ends without a chunk "fmt "'],
    ['no data', riff(fmt(1, 1, 8000, 16)), 36, 'the file ends without a chunk "data"'],
    ['two fmt', riff(fmt(1, 1, 8000, 16), fmt(1, 1, 8000, 16), data), 36, 'a second chunk "fmt "'],
    ['two data', riff(fmt(1, 1, 8000, 16), data, data), 48, 'a second chunk "data"; join them'],
    [
      'µ-law',
      riff(fmt(7, 1, 8000, 8), data),
      20,
      'format 7 is neither PCM (1) nor float (3); write the file anew (ffmpeg',
    ],
    ['12 bits', riff(fmt(1, 1, 8000, 16, { 14: u16(12) }), data), 34, '12 bits for PCM, expected 8, 16, 24 or 32'],
    ['floats of 16 bits', riff(fmt(3, 1, 8000, 16), data), 34, '16 bits for floats, expected 32 or 64'],
    ['no channels', riff(fmt(1, 1, 8000, 16, { 2: u16(0) }), data), 22, '0 channels, expected at least 1'],
    ['no rate', riff(fmt(1, 1, 0, 16), data), 24, '0 samples a second, expected at least 1'],
    ['a wrong byte rate', riff(fmt(1, 1, 8000, 16, { 8: u32(8000) }), data), 28, '8000 bytes a second, expected 16000'],
    [
      'a wrong block',
      riff(fmt(1, 1, 8000, 16, { 12: u16(4) }), data),
      32,
      '4 bytes a block, expected 2 for 1 × 16 bits',
    ],
    [
      'half a block',
      riff(fmt(1, 2, 8000, 16), chunk('data', [0, 0, 0, 0, 0, 0])),
      40,
      'no whole number of blocks of 4',
    ],
    ['a short extensible fmt', riff(fmt(0xfffe, 1, 8000, 16), data), 16, 'an extensible one at least 40'],
    [
      'short extra bytes',
      riff(extensible(1, 1, 16, 16).with(24, 0), data),
      36,
      'says it has 0 more bytes, expected at least 22',
    ],
    ['an odd sub-format', riff(extensible(1, 1, 16, 16).with(40, 9), data), 44, 'an unknown sub-format'],
    ['a sub-format of µ-law', riff(extensible(7, 1, 16, 16), data), 44, 'format 7 is neither PCM'],
    ['17 valid bits', riff(extensible(1, 1, 16, 17), data), 38, '17 valid bits, expected 1 to 16'],
  ])('%s', (_, bytes, byte, message) => {
    let error: unknown;
    try {
      parseWav(bytes, { name: 'a.wav' });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name: 'WavError', byte, file: 'a.wav' });
    expect(String(error)).toContain(`WavError: a.wav: byte ${byte}: `);
    expect(String(error)).toContain(message);
  });

  test('a file that is cut, or has one byte changed, gives sound or one such line', () => {
    const files = [
      good,
      riff(extensible(1, 2, 24, 20), chunk('x   ', [1]), chunk('data', new Array<number>(12).fill(7))),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.nat(99), fc.nat(255), fc.boolean(), (file, at, byte, cut) => {
        const bytes = cut ? file.slice(0, at % file.length) : file.with(at % file.length, byte);
        let outcome = 'sound';
        try {
          parseWav(bytes);
        } catch (error) {
          outcome = error instanceof WavError ? error.message : `another error: ${String(error)}`;
        }
        expect(outcome).toMatch(cut ? /^byte \d+: [^\n]+$/ : /^(sound|byte \d+: [^\n]+)$/);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});

test('writeWav refuses what no file can hold', () => {
  expect(() => writeWav({ sampleRate: 8000, channels: [] })).toThrow('writeWav: number of channels is 0');
  expect(() => writeWav({ sampleRate: 0.5, channels: [new Float64Array(1)] })).toThrow('writeWav: sampleRate is 0.5');
  const uneven = { sampleRate: 8000, channels: [new Float64Array(1), new Float64Array(2)] };
  expect(() => writeWav(uneven)).toThrow('writeWav: channel 1 has 2 samples, channel 0 has 1');
});
