import { TokenizerError } from './error';
import type { JsonValue } from './json';
import type { Kit } from './kit';
import type { PartJSON } from './parts';
import { compileKnownPattern } from './regex/known-patterns';

/** What encoding needs with nearly all files: the patterns that models use, no decoders. */
export const encodeKit: Kit = {
  compile: compileKnownPattern,
  unicodeScripts(json) {
    throw json.error(`UnicodeScripts is not part of @qkv/tokenizers/encode; ${ELSEWHERE}`);
  },
  decoder: (json: JsonValue) => {
    const kept = json.object() as PartJSON;
    return {
      decode() {
        throw new TokenizerError('unsupported', `@qkv/tokenizers/encode does not decode; ${ELSEWHERE}`);
      },
      toJSON: () => kept,
    };
  },
};

const ELSEWHERE = 'import readTokenizer from @qkv/tokenizers';
