import { cosineOfTurns, sineOfTurns } from './elementary';

/** X[k] = Σₙ x[n] e^(-2πi k n / N), for k from 0 to N / 2: the rest are the conjugates of these. */
export interface Spectrum {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/**
 * The discrete Fourier transform of real signals of one length, a power of two, with its tables made once.
 *
 * Radix 2, decimation in time (Cooley and Tukey 1965).
 */
export class RealFft {
  private readonly order: Int32Array; // place of each sample: its number with the bits reversed
  private readonly cosine: Float64Array;
  private readonly sine: Float64Array;

  /** @throws RangeError if the size is not a power of two. */
  constructor(readonly size: number) {
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 24 || (size & (size - 1)) !== 0) {
      throw new RangeError(`RealFft: size is ${String(size)}, expected a power of two up to 2^24`);
    }
    this.order = new Int32Array(size);
    for (let i = 0; i < size; i++) this.order[i] = (this.order[i >> 1] >> 1) | (i & 1 ? size >> 1 : 0);
    this.cosine = Float64Array.from({ length: size / 2 }, (_, k) => cosineOfTurns(k / size));
    this.sine = Float64Array.from({ length: size / 2 }, (_, k) => -sineOfTurns(k / size));
  }

  /** A signal that is shorter than the size is filled up with zeros. @throws RangeError if it is longer. */
  transform(signal: ArrayLike<number>): Spectrum {
    const { size, order, cosine, sine } = this;
    if (signal.length > size) throw new RangeError(`RealFft: ${signal.length} samples, the size is ${size}; cut them`);
    const real = new Float64Array(size);
    const imaginary = new Float64Array(size);
    for (let i = 0; i < signal.length; i++) real[order[i]] = signal[i];
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const even = start + k;
          const odd = even + half;
          const c = cosine[k * stride];
          const s = sine[k * stride];
          const re = real[odd] * c - imaginary[odd] * s;
          const im = real[odd] * s + imaginary[odd] * c;
          real[odd] = real[even] - re;
          imaginary[odd] = imaginary[even] - im;
          real[even] += re;
          imaginary[even] += im;
        }
      }
    }
    const bins = (size >> 1) + 1;
    return { real: real.slice(0, bins), imaginary: imaginary.slice(0, bins) };
  }
}
