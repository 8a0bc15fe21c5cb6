import { checkName, checkWhole } from './check';
import { cosineOfTurns } from './elementary';

export type WindowName = 'hann' | 'hamming' | 'rectangular';

const weights: Record<WindowName, number> = { hann: 0.5, hamming: 0.54, rectangular: 1 };

/**
 * w[n] = a - (1 - a) cos(2π n / N), with a = 0.5 (Hann), 0.54 (Hamming), 1 (rectangular). Periodic: N, not N - 1, as
 * scipy's `get_window` and librosa make them for spectra.
 */
export function windowFunction(name: WindowName, length: number): Float64Array {
  checkWhole('windowFunction: length', length, 1, 2 ** 31 - 1);
  checkName('windowFunction: name', name, Object.keys(weights));
  const a = weights[name];
  return Float64Array.from({ length }, (_, n) => a - (1 - a) * cosineOfTurns(n / length));
}
