import type { JsonValue } from '../json';
import { readPart } from '../kit';
import type { Model } from '../parts';

/** The model of a `tokenizer.json`. */
export function readModel(json: JsonValue): Model {
  if (!json.get('type').isNull) return readPart(json, json.kit.models);
  // Old files do not name its type.
  const guess = !json.get('merges').isNull
    ? 'BPE'
    : Array.isArray(json.get('vocab').value)
      ? 'Unigram'
      : json.get('continuing_subword_prefix').isNull
        ? 'WordLevel'
        : 'WordPiece';
  return readPart(json.withMember('type', guess), json.kit.models);
}
