import { fullKit } from '../full-kit';
import { JsonValue } from '../json';
import type { Pattern } from '../regex/pattern-finder';
import type { DelimiterBehavior } from './delimiters';
import { Split } from './split';

/**
 * Cuts a text at the matches of a pattern: of a string as it is, or of a regular expression in the syntax of Oniguruma.
 * `invert` makes what does not match the delimiter.
 *
 * @throws TokenizerError for a pattern that cannot be used, or a behaviour that is not known.
 */
export function splitAtPattern(pattern: string | Pattern, behavior: DelimiterBehavior, invert = false): Split {
  const json = { pattern: typeof pattern === 'string' ? { String: pattern } : pattern, behavior, invert };
  return Split.read(new JsonValue(json, 'splitAtPattern', fullKit));
}
