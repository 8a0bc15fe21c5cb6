/**
 * A number that remembers what it was computed from: reverse-mode differentiation one scalar at a time, so that a formula
 * written in loops has a gradient that owes nothing to @qkv/autograd.
 */
export class Scalar {
  static #made = 0;
  readonly #order = Scalar.#made++;
  readonly #parents: readonly (readonly [of: Scalar, slope: number])[];
  /** Of what `differentiate` was given, by this number. */
  gradient = 0;

  constructor(
    readonly value: number,
    parents: readonly (readonly [Scalar, number])[] = [],
  ) {
    this.#parents = parents;
  }

  add(other: Scalar | number): Scalar {
    if (typeof other === 'number') return new Scalar(this.value + other, [[this, 1]]);
    return new Scalar(this.value + other.value, [
      [this, 1],
      [other, 1],
    ]);
  }

  mul(other: Scalar | number): Scalar {
    if (typeof other === 'number') return new Scalar(this.value * other, [[this, other]]);
    return new Scalar(this.value * other.value, [
      [this, other.value],
      [other, this.value],
    ]);
  }

  sub(other: Scalar): Scalar {
    return this.add(other.mul(-1));
  }

  /** this^n */
  pow(n: number): Scalar {
    return new Scalar(this.value ** n, [[this, n * this.value ** (n - 1)]]);
  }

  exp(): Scalar {
    const e = Math.exp(this.value);
    return new Scalar(e, [[this, e]]);
  }

  tanh(): Scalar {
    const y = Math.tanh(this.value);
    return new Scalar(y, [[this, 1 - y * y]]);
  }

  /** max(this, 0) */
  positive(): Scalar {
    return this.value > 0 ? this : new Scalar(0);
  }

  /** Sets the gradient of everything that this was computed from. */
  differentiate(): void {
    const found = new Set<Scalar>([this]);
    for (const scalar of found) {
      for (const [parent] of scalar.#parents) found.add(parent); // a Set's iteration meets what is added to it
    }
    for (const scalar of found) scalar.gradient = 0;
    this.gradient = 1;
    for (const scalar of [...found].toSorted((a, b) => b.#order - a.#order)) {
      for (const [parent, slope] of scalar.#parents) parent.gradient += slope * scalar.gradient;
    }
  }
}

export const sum = (terms: readonly Scalar[]): Scalar => terms.reduce((total, term) => total.add(term), new Scalar(0));

export const dot = (a: readonly Scalar[], b: readonly Scalar[]): Scalar => sum(a.map((x, i) => x.mul(b[i])));
