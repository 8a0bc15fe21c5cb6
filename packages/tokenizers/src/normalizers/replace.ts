import { JsonValue } from '../json';
import type { Normalizer } from '../parts';
import { compilePattern } from '../regex';
import { replacing, type ReplacePattern } from './replacing';

/** Puts `content` in the place of each match: of a string as it is, or of a regular expression. */
export const replace = (pattern: string | ReplacePattern, content: string): Normalizer =>
  replacing(
    new JsonValue(typeof pattern === 'string' ? { String: pattern } : pattern, 'Replace: pattern'),
    compilePattern,
    content,
  );
