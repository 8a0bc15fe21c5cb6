import type { JsonValue } from '../json';
import type { Model } from '../parts';
import { readBPE } from './bpe';
import { readUnigram } from './unigram';
import { readWordLevel } from './word-level';
import { readWordPiece } from './word-piece';

const readers = { BPE: readBPE, Unigram: readUnigram, WordLevel: readWordLevel, WordPiece: readWordPiece };

/** The model of a `tokenizer.json`. Old files do not name its type. */
export function readModel(json: JsonValue): Model {
  const type = json.get('type').or((value) => value.oneOf(Object.keys(readers) as (keyof typeof readers)[]), null);
  if (type !== null) return readers[type](json);
  if (!json.get('merges').isNull) return readBPE(json);
  if (Array.isArray(json.get('vocab').value)) return readUnigram(json);
  return json.get('continuing_subword_prefix').isNull ? readWordLevel(json) : readWordPiece(json);
}
