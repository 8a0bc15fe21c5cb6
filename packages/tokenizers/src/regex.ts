import type { JsonValue } from './json';

/** The regular expression of a pattern as `tokenizer.json` holds it: `{"String": …}` or `{"Regex": …}`. */
export function compilePattern(json: JsonValue): RegExp {
  const literal = json.get('String');
  if (!literal.isNull) return new RegExp(literal.string().replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');
  return new RegExp(json.get('Regex').string(), 'gu');
}
