/** Ranges of code points in hexadecimal, as they stand inside a character class. */
export const classRanges = (ranges: string): string =>
  ranges
    .split(' ')
    .map((range) => range.replace(/[\da-f]+/g, String.raw`\u{$&}`))
    .join('');
