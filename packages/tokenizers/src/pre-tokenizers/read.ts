import type { JsonValue } from '../json';
import { readPart } from '../kit';
import type { PreTokenizer } from '../parts';
import { PreTokenizerSequence } from './sequence';

/** The pre-tokenizer that a file describes. */
export const readPreTokenizer = (json: JsonValue): PreTokenizer => readPart(json, json.kit.preTokenizers);

export const readPreTokenizerSequence = (json: JsonValue): PreTokenizer =>
  new PreTokenizerSequence(json.get('pretokenizers').items().map(readPreTokenizer));
