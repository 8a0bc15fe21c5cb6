import type { JsonValue } from '../json';
import type { TokenAndId } from './around';

export function readTokenAndId(json: JsonValue): TokenAndId {
  const parts = json.items();
  if (parts.length !== 2) throw json.error(`expected a token and its id, got ${parts.length} values`);
  return [parts[0].string(), parts[1].integer()];
}
