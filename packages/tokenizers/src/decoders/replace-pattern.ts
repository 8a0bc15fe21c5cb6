import { fullKit } from '../full-kit';
import { JsonValue } from '../json';
import type { Pattern } from '../regex/pattern-finder';
import { Replace } from './texts';

/**
 * Replaces the matches of a pattern in each part: of a string as it is, or of a regular expression in the syntax of
 * Oniguruma.
 *
 * @throws TokenizerError for a pattern that cannot be used.
 */
export function replacePattern(pattern: string | Pattern, content: string): Replace {
  const json = { pattern: typeof pattern === 'string' ? { String: pattern } : pattern, content };
  return Replace.read(new JsonValue(json, 'replacePattern', fullKit));
}
