import { checkWhole } from './check';
import { cosineOfTurns, sineOfTurns } from './elementary';
import type { Frames } from './spectrogram';

export interface MfccOptions {
  /** The first so many of each frame. Default 13. */
  readonly coefficients?: number;
  /** L of the lifter, 0 for none. Default 22, as in HTK and Kaldi. */
  readonly lifter?: number;
}

/**
 * Mel-frequency cepstral coefficients of log-mel spectra x (M mels a frame):
 *
 *     c[k] = (1 + L/2 sin(π (k + e) / L)) · s[k] Σₘ x[m] cos(π k (m + ½) / M),   s[0] = √(1/M), s[k] = √(2/M)
 *
 * with e = 1, as in librosa: (frames, coefficients). Davis and Mermelstein 1980; orthonormal DCT-II.
 *
 * @throws RangeError if there are more coefficients than mels, or the lifter is negative.
 */
export function mfcc({ values: mels, frames, size }: Frames, options: MfccOptions = {}): Frames {
  const { coefficients = 13, lifter = 22 } = options;
  checkWhole('mfcc: coefficients', coefficients, 1, size);
  if (!(lifter >= 0 && lifter < Infinity)) throw new RangeError(`mfcc: lifter is ${lifter}, expected 0 or more`);
  const basis = new Float64Array(coefficients * size); // (coefficients, mels)
  for (let k = 0; k < coefficients; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / size);
    const lift = lifter === 0 ? 1 : 1 + (lifter / 2) * sineOfTurns((k + 1) / (2 * lifter));
    for (let m = 0; m < size; m++) basis[k * size + m] = lift * scale * cosineOfTurns((k * (2 * m + 1)) / (4 * size));
  }
  const values = new Float64Array(frames * coefficients);
  for (let frame = 0; frame < frames; frame++) {
    for (let k = 0; k < coefficients; k++) {
      let sum = 0;
      for (let m = 0; m < size; m++) sum += basis[k * size + m] * mels[frame * size + m];
      values[frame * coefficients + k] = sum;
    }
  }
  return { values, frames, size: coefficients };
}

/**
 * How each number changes over time: d[t] = Σₙ n (x[t + n] - x[t - n]) / (2 Σₙ n²) for n from 1 to `reach` (default 2),
 * with the first and the last frame repeated beyond the ends. Furui 1986; The HTK Book 3.4, eq. 5.16.
 */
export function deltas({ values: x, frames, size }: Frames, { reach = 2 }: { readonly reach?: number } = {}): Frames {
  checkWhole('deltas: reach', reach, 1, 2 ** 16);
  let norm = 0;
  for (let n = 1; n <= reach; n++) norm += 2 * n * n;
  const values = new Float64Array(frames * size);
  for (let t = 0; t < frames; t++) {
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let n = 1; n <= reach; n++) {
        sum += n * (x[Math.min(frames - 1, t + n) * size + i] - x[Math.max(0, t - n) * size + i]);
      }
      values[t * size + i] = sum / norm;
    }
  }
  return { values, frames, size };
}
