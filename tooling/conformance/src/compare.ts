import type { HostData } from '@qkv/tensor';

/**
 * How far a float32 result may be from the truth, which is computed in float64 from the same float32 inputs. In units in the
 * last place: of each element by itself (at least of `floor`), of the largest element of the tensor, or of magnitudes that
 * the trial computes, such as Σ|a||b| for a product.
 */
export interface Tolerance {
  readonly ulps: number;
  readonly of?: 'element' | 'tensor' | 'magnitude';
  readonly floor?: number;
  /** Whether 0 is not −0: where numbers are moved and not computed. */
  readonly signedZeros?: boolean;
}

export const EXACT: Tolerance = { ulps: 0 };
/** Of what moves data: bit for bit, but for the payloads of NaN. */
export const MOVED: Tolerance = { ulps: 0, signedZeros: true };

const LARGEST = 3.4028234663852886e38;

/** Distance between neighbouring float32 numbers at x. */
export function ulp(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude >= 2 ** -126)) return 2 ** -149;
  return 2 ** (Math.floor(Math.log2(Math.min(magnitude, LARGEST))) - 23);
}

/** Says where and by how much `actual` is wrong; null if it is right. */
export function difference(
  actual: HostData,
  truth: HostData,
  { ulps, of = 'element', floor = 0, signedZeros = false }: Tolerance,
  magnitude?: HostData,
): string | null {
  if (actual.length !== truth.length) return `has ${actual.length} elements instead of ${truth.length}`;
  let largest = floor;
  if (of === 'tensor')
    for (const value of truth) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  for (let i = 0; i < truth.length; i++) {
    const [a, t] = [actual[i], truth[i]];
    if (signedZeros ? Object.is(a, t) : a === t || (Number.isNaN(a) && Number.isNaN(t))) continue;
    if (a === t) return `element ${i} is a zero of the wrong sign`;
    const scale =
      of === 'tensor' ? largest : of === 'magnitude' ? Math.max(magnitude![i], floor) : Math.max(Math.abs(t), floor);
    const allowed = ulps * ulp(scale);
    // What float32 cannot hold becomes infinite.
    const near = Math.abs(a) === Infinity && Math.sign(a) === Math.sign(t) ? Math.sign(a) * LARGEST : a;
    const fits = Math.abs(near - t) <= allowed || (near !== a && Math.abs(t) >= LARGEST - allowed);
    if (!fits) {
      const off = Math.abs(a - t) / ulp(scale);
      return `element ${i} is ${a} instead of ${t}: off by ${off.toPrecision(3)} ulp of ${scale.toPrecision(3)}, allowed are ${ulps}`;
    }
  }
  return null;
}
