import { readAddedTokens } from './added-tokens';
import type { PaddingOptions, TruncationOptions } from './encoding';
import { asInteger, asString, JsonValue } from './json';
import type { Kit } from './kit';
import { readModel } from './models';
import { readNormalizer } from './normalizers/read';
import { readPostProcessor } from './post-processors/read-sequence';
import { readPreTokenizer } from './pre-tokenizers/read';
import { Tokenizer } from './tokenizer';

const strategies = { LongestFirst: 'longestFirst', OnlyFirst: 'onlyFirst', OnlySecond: 'onlySecond' } as const;

/** The tokenizer of a `tokenizer.json`, with the parts that `kit` has. */
export function readTokenizerWith(kit: Kit, json: unknown): Tokenizer {
  const root = new JsonValue(typeof json === 'string' ? parse(json) : json, 'tokenizer.json', kit);
  const version = root.get('version').or(asString, '1.0');
  if (version !== '1.0') throw root.get('version').error('expected "1.0"');
  return new Tokenizer({
    model: readModel(root.get('model')),
    normalizer: root.get('normalizer').or(readNormalizer, null),
    preTokenizer: root.get('pre_tokenizer').or(readPreTokenizer, null),
    postProcessor: root.get('post_processor').or(readPostProcessor, null),
    decoder: root.get('decoder').or(kit.decoder, null),
    addedTokens: root.get('added_tokens').or(readAddedTokens, []),
    truncation: root.get('truncation').or(readTruncation, null),
    padding: root.get('padding').or(readPadding, null),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonValue(text, 'tokenizer.json').error(`not JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`);
  }
}

const readDirection = (json: JsonValue): 'left' | 'right' =>
  json.oneOf(['Left', 'Right']) === 'Left' ? 'left' : 'right';

function readTruncation(json: JsonValue): TruncationOptions {
  return {
    maxLength: json.get('max_length').integer(),
    stride: json.get('stride').or(asInteger, 0),
    strategy: json
      .get('strategy')
      .or(
        (value) => strategies[value.oneOf(Object.keys(strategies) as (keyof typeof strategies)[])],
        'longestFirst' as const,
      ),
    direction: json.get('direction').or(readDirection, 'right' as const),
  };
}

function readPadding(json: JsonValue): PaddingOptions {
  const strategy = json.get('strategy');
  return {
    length:
      typeof strategy.value === 'string'
        ? (strategy.oneOf(['BatchLongest']), 'longest')
        : strategy.or((value) => value.get('Fixed').integer(), 'longest' as const),
    // Files say 0 where they mean no rounding.
    multipleOf: json.get('pad_to_multiple_of').or(asInteger || undefined, undefined),
    direction: json.get('direction').or(readDirection, 'right' as const),
    id: json.get('pad_id').integer(),
    typeId: json.get('pad_type_id').or(asInteger, 0),
    token: json.get('pad_token').string(),
  };
}
