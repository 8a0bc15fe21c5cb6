/** Throws unless the value is a whole number in the range. */
export function checkWhole(what: string, value: number, minimum: number, maximum: number): void {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return;
  throw new RangeError(`${what} is ${String(value)}, expected a whole number from ${minimum} to ${maximum}`);
}

/** Throws unless the value is one of these. */
export function checkName(what: string, value: string, names: readonly string[]): void {
  if (!names.includes(value)) throw new RangeError(`${what} is ${String(value)}, expected one of ${names.join(', ')}`);
}
