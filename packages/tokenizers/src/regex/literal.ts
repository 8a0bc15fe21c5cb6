import type { JsonValue } from '../json';

const MAX_LENGTH = 10_000; // engines refuse patterns of some ten times that, and only when they first match

/** The text of a pattern `{"String": …}`. */
export function readLiteral(json: JsonValue): string {
  const literal = json.get('String');
  const text = literal.string();
  if (text.length > MAX_LENGTH) throw literal.error(`${text.length} units, more than ${MAX_LENGTH}`);
  return text;
}
