import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  deltas,
  hertzToMel,
  logMelSpectrogram,
  melFilters,
  melToHertz,
  mfcc,
  powerSpectrogram,
  RealFft,
  windowFunction,
  type LogMelOptions,
  type MelScale,
  type MfccOptions,
  type WindowName,
} from './index';

interface Golden {
  windows: Record<WindowName, number[]>;
  mels: Record<MelScale, number[]>;
  cases: {
    options: Required<Omit<LogMelOptions, 'windowLength' | 'hopLength'>>;
    mfcc: MfccOptions;
    samples: number[];
    power: number[];
    filters: number[];
    logMel: number[];
    mfccs: number[];
    deltas: number[];
  }[];
}
const golden = JSON.parse(readFileSync(new URL('../test/goldens/audio.json', import.meta.url), 'utf8')) as Golden;

/** The largest distance, relative to the value, or to `scale` where that is larger. */
function distance(actual: ArrayLike<number>, expected: ArrayLike<number>, scale = 0): number {
  expect(actual.length).toBe(expected.length);
  return Array.from(expected, (v, i) => Math.abs(actual[i] - v) / Math.max(Math.abs(v), scale, 1e-300)).reduce(
    (most, d) => Math.max(most, d),
    0,
  );
}

describe('RealFft', () => {
  const naive = (x: readonly number[], size: number) =>
    Array.from({ length: (size >> 1) + 1 }, (_, k) => {
      let [re, im] = [0, 0];
      x.forEach((v, n) => {
        const angle = (-2 * Math.PI * ((k * n) % size)) / size;
        re += v * Math.cos(angle);
        im += v * Math.sin(angle);
      });
      return [re, im];
    });

  test('is the naive transform to 1e-9, for every power of two', () => {
    fc.assert(
      fc.property(
        fc.nat(9),
        fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
        fc.boolean(),
        (log, stream, cut) => {
          const size = 1 << log;
          const x = Array.from({ length: cut ? Math.ceil(size / 2) : size }, () => stream.next().value as number);
          const { real, imaginary } = new RealFft(size).transform(x);
          expect([real.length, imaginary.length]).toEqual([(size >> 1) + 1, (size >> 1) + 1]);
          naive(x, size).forEach(([re, im], k) => {
            expect(Math.abs(real[k] - re)).toBeLessThan(1e-9);
            expect(Math.abs(imaginary[k] - im)).toBeLessThan(1e-9);
          });
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });

  test('refuses other sizes and longer signals', () => {
    expect(() => new RealFft(400)).toThrow('RealFft: size is 400, expected a power of two');
    expect(() => new RealFft(4).transform([1, 2, 3, 4, 5])).toThrow('RealFft: 5 samples, the size is 4; cut them');
  });
});

test('windows are those of scipy, and mels those of librosa', () => {
  expect(distance(windowFunction('hann', 25), golden.windows.hann, 1)).toBeLessThan(1e-12);
  expect(distance(windowFunction('hamming', 24), golden.windows.hamming, 1)).toBeLessThan(1e-12);
  expect([...windowFunction('rectangular', 3)]).toEqual([1, 1, 1]);
  const hertz = [0, 50, 999, 1000, 1001, 8000];
  for (const scale of ['htk', 'slaney'] as const) {
    const mels = hertz.map((f) => hertzToMel(f, scale));
    expect(distance(mels, golden.mels[scale])).toBeLessThan(1e-11);
    expect(
      distance(
        mels.map((m) => melToHertz(m, scale)),
        hertz,
        1,
      ),
    ).toBeLessThan(1e-12);
  }
});

describe.each(golden.cases)(
  'librosa: $options.sampleRate Hz, $options.window, $options.scale, $options.norm',
  (golden) => {
    const samples = golden.samples.map((v) => v / 2 ** 15);
    const { options } = golden;
    const logMel = logMelSpectrogram(samples, options);

    test('power', () => {
      const { values, frames, size } = powerSpectrogram(samples, options);
      const fourth = values.filter((_, i) => Math.floor(i / size) % 4 === 0);
      expect(frames).toBe(logMel.frames);
      // Bins are sums of many samples: where they cancel out, only the distance to the largest counts.
      expect(distance(fourth, golden.power, 1e-6 * Math.max(...golden.power))).toBeLessThan(1e-6);
    });

    test('mel filters', () => {
      const filters = melFilters(options);
      expect(filters.length).toBe(options.mels * (options.fftSize / 2 + 1));
      expect(
        distance(
          filters.filter((v) => v > 1e-9),
          golden.filters,
        ),
      ).toBeLessThan(1e-6);
    });

    test('log-mel', () => expect(distance(logMel.values, golden.logMel, 1e-3)).toBeLessThan(1e-6));
    test('MFCC', () => expect(distance(mfcc(logMel, golden.mfcc).values, golden.mfccs, 1e-3)).toBeLessThan(1e-6));
    test('deltas', () =>
      expect(distance(deltas(mfcc(logMel, golden.mfcc)).values, golden.deltas, 1e-3)).toBeLessThan(1e-6));
  },
);

test('a second has 98 frames, and silence is the floor', () => {
  for (const sampleRate of [8000, 11_025, 16_000]) {
    const { values, frames, size } = logMelSpectrogram(new Float64Array(sampleRate), { sampleRate, floor: 1e-5 });
    expect([frames, size, values.length]).toEqual([98, 40, 98 * 40]);
    expect(values.every((v) => Math.abs(v - Math.log(1e-5)) < 1e-12)).toBe(true);
  }
});

describe('refuses', () => {
  const sound = new Float64Array(1000);
  const options = { sampleRate: 8000 };
  test.each<[() => unknown, string]>([
    [
      () => logMelSpectrogram(sound.subarray(0, 199), options),
      'powerSpectrogram: 199 samples, a window has 200; fill the sound',
    ],
    [
      () => logMelSpectrogram(sound, { ...options, fftSize: 128 }),
      'powerSpectrogram: fftSize is 128, a window has 200 samples',
    ],
    [() => logMelSpectrogram(sound, { ...options, fftSize: 300 }), 'RealFft: size is 300, expected a power of two'],
    [
      () => logMelSpectrogram(sound, { ...options, mels: 200 }),
      'holds no bin, which are 31.3 Hz apart; take fewer mels than 200',
    ],
    [
      () => logMelSpectrogram(sound, { ...options, floor: 0 }),
      'logMelSpectrogram: floor is 0, expected a number above 0',
    ],
    [
      () => logMelSpectrogram(sound, { ...options, maximumFrequency: 4001 }),
      'melFilters: frequencies from 0 to 4001 Hz',
    ],
    [() => logMelSpectrogram(sound, { ...options, hopLength: 0 }), 'powerSpectrogram: samples of a hop is 0'],
    [() => logMelSpectrogram(sound, { sampleRate: 0 }), 'powerSpectrogram: sampleRate is 0'],
    [
      () => mfcc(logMelSpectrogram(sound, options), { coefficients: 41 }),
      'mfcc: coefficients is 41, expected a whole number from 1 to 40',
    ],
    [() => mfcc(logMelSpectrogram(sound, options), { lifter: -1 }), 'mfcc: lifter is -1, expected 0 or more'],
    [() => deltas(logMelSpectrogram(sound, options), { reach: 0 }), 'deltas: reach is 0'],
    ...[NaN, Infinity].map((sample): [() => unknown, string] => [
      () => logMelSpectrogram(Float64Array.from(sound).fill(sample, 7, 8), options),
      `powerSpectrogram: sample 7 is ${sample}, expected a number; cut it out or set it to 0`,
    ]),
    [
      () => powerSpectrogram(sound, { ...options, window: 'blackman' as 'hann' }),
      'windowFunction: name is blackman, expected one of hann, hamming, rectangular',
    ],
    [
      () => logMelSpectrogram(sound, { ...options, scale: 'mel' as 'htk' }),
      'melFilters: scale is mel, expected one of htk, slaney',
    ],
    [
      () => logMelSpectrogram(sound, { ...options, norm: 'slaney' as 'area' }),
      'melFilters: norm is slaney, expected one of area, peak',
    ],
    [() => windowFunction('hann', 0), 'windowFunction: length is 0'],
  ])('%#', (run, message) => expect(run).toThrow(message));
});
