import { checkWhole } from './check';
import { logarithm } from './elementary';
import { RealFft } from './fft';
import { melFilters, type MelScale } from './mel';
import { windowFunction, type WindowName } from './window-function';

/** A row of numbers for each frame of a sound. */
export interface Frames {
  /** (frames, size), row by row. */
  readonly values: Float64Array;
  readonly frames: number;
  /** Numbers of a frame. */
  readonly size: number;
}

export interface SpectrogramOptions {
  readonly sampleRate: number;
  /** In seconds. Default 0.025, over which speech hardly changes. */
  readonly windowLength?: number;
  /** In seconds. Default 0.01. */
  readonly hopLength?: number;
  /** Default: the smallest power of two that holds a window, which is filled up with zeros. */
  readonly fftSize?: number;
  /** Default 'hann'. */
  readonly window?: WindowName;
}

/**
 * Power spectra |X[k]|², (frames, fftSize / 2 + 1). Frame i begins at sample i · hop, and only whole windows count:
 * 1 + ⌊(samples - window) / hop⌋ frames, 98 for a second.
 *
 * @throws RangeError if an option is out of range, the sound is shorter than one window, or a sample is not finite.
 */
export function powerSpectrogram(samples: ArrayLike<number>, options: SpectrogramOptions): Frames {
  const { sampleRate, windowLength = 0.025, hopLength = 0.01, window = 'hann' } = options;
  checkWhole('powerSpectrogram: sampleRate', sampleRate, 1, 2 ** 32 - 1);
  const length = Math.round(windowLength * sampleRate);
  const hop = Math.round(hopLength * sampleRate);
  checkWhole('powerSpectrogram: samples of a window', length, 1, 2 ** 24);
  checkWhole('powerSpectrogram: samples of a hop', hop, 1, 2 ** 31 - 1);
  const { fftSize = powerOfTwo(length) } = options;
  if (fftSize < length)
    throw new RangeError(`powerSpectrogram: fftSize is ${fftSize}, a window has ${length} samples; raise it`);
  if (samples.length < length) {
    throw new RangeError(
      `powerSpectrogram: ${samples.length} samples, a window has ${length}; fill the sound up with zeros`,
    );
  }
  // One NaN would be in all frequencies of its frame, and then in all weights.
  for (let i = 0; i < samples.length; i++) {
    if (!Number.isFinite(samples[i])) {
      throw new RangeError(
        `powerSpectrogram: sample ${i} is ${samples[i]}, expected a number; cut it out or set it to 0`,
      );
    }
  }
  const fft = new RealFft(fftSize);
  const weights = windowFunction(window, length);
  const frames = 1 + Math.floor((samples.length - length) / hop);
  const size = (fftSize >> 1) + 1;
  const values = new Float64Array(frames * size); // (frames, bins)
  const part = new Float64Array(length);
  for (let frame = 0; frame < frames; frame++) {
    for (let i = 0; i < length; i++) part[i] = samples[frame * hop + i] * weights[i];
    const { real, imaginary } = fft.transform(part);
    for (let k = 0; k < size; k++) values[frame * size + k] = real[k] * real[k] + imaginary[k] * imaginary[k];
  }
  return { values, frames, size };
}

function powerOfTwo(atLeast: number): number {
  let power = 1;
  while (power < atLeast) power *= 2;
  return power;
}

export interface LogMelOptions extends SpectrogramOptions {
  /** Default 40, which the 129 bins of 25 ms at 8 kHz can still tell apart. */
  readonly mels?: number;
  /** In Hz. Default 0. */
  readonly minimumFrequency?: number;
  /** In Hz. Default half the sample rate. */
  readonly maximumFrequency?: number;
  /** Default 'slaney'; see {@link melFilters}. */
  readonly scale?: MelScale;
  /** Default 'area'; see {@link melFilters}. */
  readonly norm?: 'area' | 'peak';
  /** Powers below this count as this, so that silence has a logarithm. Default 1e-10, as in librosa. */
  readonly floor?: number;
}

/**
 * ln max(floor, filters · power spectrum): (frames, mels).
 *
 * @throws RangeError if an option is out of range or the sound is shorter than one window.
 */
export function logMelSpectrogram(samples: ArrayLike<number>, options: LogMelOptions): Frames {
  const { mels = 40, floor = 1e-10 } = options;
  if (!(floor > 0 && floor < Infinity))
    throw new RangeError(`logMelSpectrogram: floor is ${floor}, expected a number above 0`);
  const { values: power, frames, size: bins } = powerSpectrogram(samples, options);
  const filters = melFilters({ ...options, mels, fftSize: 2 * (bins - 1) });
  const values = new Float64Array(frames * mels); // (frames, mels)
  for (let frame = 0; frame < frames; frame++) {
    for (let mel = 0; mel < mels; mel++) {
      let sum = 0;
      for (let k = 0; k < bins; k++) sum += filters[mel * bins + k] * power[frame * bins + k];
      values[frame * mels + mel] = logarithm(Math.max(floor, sum));
    }
  }
  return { values, frames, size: mels };
}
