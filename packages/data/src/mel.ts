import { checkName, checkWhole } from './check';
import { exponential, logarithm } from './elementary';

export type MelScale = 'htk' | 'slaney';

const SLANEY_STEP = 200 / 3; // Hz of a mel below 1000 Hz
const SLANEY_LOG = logarithm(6.4) / 27; // logarithm of the ratio that a mel is above
const HTK = 2595 / logarithm(10);

/**
 * Hz as mels. HTK: 2595 log₁₀(1 + f / 700) (O'Shaughnessy 1987). Slaney: 3 f / 200 below 1000 Hz, above
 * 15 + 27 ln(f / 1000) / ln 6.4 (Slaney: Auditory Toolbox, 1998).
 */
export function hertzToMel(hertz: number, scale: MelScale): number {
  if (scale === 'htk') return HTK * logarithm(1 + hertz / 700);
  return hertz < 1000 ? hertz / SLANEY_STEP : 15 + logarithm(hertz / 1000) / SLANEY_LOG;
}

/** Mels as Hz: the inverse of {@link hertzToMel}. */
export function melToHertz(mel: number, scale: MelScale): number {
  if (scale === 'htk') return 700 * (exponential(mel / HTK) - 1);
  return mel < 15 ? mel * SLANEY_STEP : 1000 * exponential((mel - 15) * SLANEY_LOG);
}

export interface MelFiltersOptions {
  readonly sampleRate: number;
  /** Samples of a transform: the power spectrum has fftSize / 2 + 1 bins. */
  readonly fftSize: number;
  readonly mels: number;
  /** In Hz. Default 0. */
  readonly minimumFrequency?: number;
  /** In Hz. Default half the sample rate. */
  readonly maximumFrequency?: number;
  /** Default 'slaney', with 'area' the filters of librosa and Whisper. */
  readonly scale?: MelScale;
  /** 'area' divides each triangle by half its width in Hz, 'peak' leaves its peak at 1, as HTK does. Default 'area'. */
  readonly norm?: 'area' | 'peak';
}

/**
 * Triangles over the bins of a power spectrum, (mels, fftSize / 2 + 1): their corners lie evenly on the mel scale, each
 * begins at the peak of the one before and ends at the peak of the one after.
 *
 * @throws RangeError if the frequencies do not ascend up to half the sample rate, or a triangle lies between two bins.
 */
export function melFilters(options: MelFiltersOptions): Float64Array {
  const { sampleRate, fftSize, mels, scale = 'slaney', norm = 'area' } = options;
  const { minimumFrequency: low = 0, maximumFrequency: high = sampleRate / 2 } = options;
  checkName('melFilters: scale', scale, ['htk', 'slaney']);
  checkName('melFilters: norm', norm, ['area', 'peak']);
  checkWhole('melFilters: fftSize', fftSize, 2, 2 ** 24);
  checkWhole('melFilters: mels', mels, 1, 2 ** 16);
  if (!(low >= 0 && low < high && high <= sampleRate / 2)) {
    throw new RangeError(
      `melFilters: frequencies from ${low} to ${high} Hz, expected ascending ones from 0 to ${sampleRate / 2}`,
    );
  }
  const first = hertzToMel(low, scale);
  const step = (hertzToMel(high, scale) - first) / (mels + 1);
  const corners = Float64Array.from({ length: mels + 2 }, (_, i) => melToHertz(first + i * step, scale));
  const bins = fftSize / 2 + 1;
  const filters = new Float64Array(mels * bins); // (mels, bins)
  for (let mel = 0; mel < mels; mel++) {
    const [left, peak, right] = corners.subarray(mel, mel + 3);
    const height = norm === 'area' ? 2 / (right - left) : 1;
    let isEmpty = true;
    for (let bin = 0; bin < bins; bin++) {
      const hertz = (bin * sampleRate) / fftSize;
      const weight = Math.min((hertz - left) / (peak - left), (right - hertz) / (right - peak));
      if (weight <= 0) continue;
      filters[mel * bins + bin] = weight * height;
      isEmpty = false;
    }
    if (isEmpty) {
      throw new RangeError(
        `melFilters: filter ${mel}, ${left.toFixed(1)} to ${right.toFixed(1)} Hz, holds no bin, which are ` +
          `${(sampleRate / fftSize).toFixed(1)} Hz apart; take fewer mels than ${mels} or a larger fftSize than ${fftSize}`,
      );
    }
  }
  return filters;
}
