import type { JsonValue } from '../json';
import { readLiteral } from './literal';
import { asOfUnicode16 } from './unicode';

const SPACES = String.raw`\s+(?!\S)|\s+`;
const LINES = String.raw`|\s*[\r\n]+|${SPACES}`;
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const WORD = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`;
const UPPER = String.raw`\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}`;
const LOWER = String.raw`\p{Ll}\p{Lm}\p{Lo}\p{M}`;
const OTHER = String.raw` ?[^\s\p{L}\p{N}]+`;
const cased = (ending: string): string =>
  String.raw`[^\r\n\p{L}\p{N}]?[${UPPER}]*[${LOWER}]+${ending}|[^\r\n\p{L}\p{N}]?[${UPPER}]+[${LOWER}]*${ending}`;

/** The patterns of GPT-2, cl100k and Llama 3, Qwen 2, o200k, Tekken, and simple ones that occur in many files. */
export const knownPatterns: readonly string[] = [
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+|${OTHER}|${SPACES}`,
  ...[String.raw`\p{N}{1,3}`, String.raw`\p{N}`].map(
    (numbers) => String.raw`${CONTRACTIONS}|${WORD}|${numbers}|${OTHER}[\r\n]*${LINES}`,
  ),
  String.raw`${cased(`${CONTRACTIONS}?`)}|\p{N}{1,3}|${OTHER}[\r\n/]*${LINES}`,
  String.raw`${cased('')}|\p{N}|${OTHER}[\r\n/]*${LINES}`,
  ' {2,}',
  String.raw`\s+`,
  String.raw`\s`,
  String.raw`\p{N}{1,3}`,
  String.raw`\p{N}`,
  String.raw`[\s\S]`,
];

// Letters that Oniguruma takes for one another: ſ is a small s.
const contractions = "'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";

/**
 * A literal text, or one of the patterns that models use, as a regular expression. `compilePattern` takes any pattern,
 * at the price of a parser; a test holds the two equal.
 *
 * @throws TokenizerError for another pattern.
 */
export function compileKnownPattern(json: JsonValue): RegExp {
  if (!json.get('String').isNull)
    return new RegExp(readLiteral(json).replaceAll(/[$()*+.?[\\\]^{|}/]/g, String.raw`\$&`), 'gu');
  const regex = json.get('Regex');
  const pattern = regex.string();
  if (!knownPatterns.includes(pattern)) {
    throw regex.error(`this pattern is not known here${json.kit.advice}`);
  }
  const source = pattern
    .replaceAll(CONTRACTIONS, `(?:${contractions})`)
    .replaceAll('/', String.raw`\/`)
    .replaceAll(/\\p\{\w+\}/g, (property) => asOfUnicode16(property))
    .replaceAll(String.raw`\S`, String.raw`\P{White_Space}`)
    .replaceAll(String.raw`\s`, String.raw`\p{White_Space}`);
  return new RegExp(source, 'gv');
}
