import { type Encoding, readTokenizer, type Tokenizer } from '@qkv/tokenizers';

import { type Columns, type Difference, differences, type Input } from './columns';
import type { Composition } from './compositions/composition';
import { unintended } from './differences';
import { rustEncode, rustTokenizer } from './rust';
import type { TokenizerJson } from './tokenizer-json';

/** Texts in a batch; what is padded to the longest depends on it. */
const BATCH = 500;
/** Differences that are reported of one composition, each shortened. */
const REPORTED = 3;

export const ourTokenizer = (json: TokenizerJson): Tokenizer => readTokenizer(JSON.stringify(json));

export function ourColumns(encoding: Encoding): Columns {
  return {
    ids: encoding.ids,
    tokens: encoding.tokens,
    offsets: encoding.offsetsIn('codePoint').flat(),
    wordIds: encoding.wordIds,
    typeIds: encoding.typeIds,
    specialTokensMask: encoding.specialTokensMask,
    attentionMask: encoding.attentionMask,
    sequenceIds: encoding.sequenceIds,
    overflowing: encoding.overflowing.map(ourColumns),
  };
}

/** What ours makes of a batch, as the Rust library's binding is asked: only single texts are padded to the longest. */
export function ourEncode(tokenizer: Tokenizer, inputs: readonly Input[], addSpecialTokens: boolean): Encoding[] {
  const texts = inputs.filter((input): input is string => typeof input === 'string');
  if (texts.length === inputs.length && tokenizer.truncation === null) {
    return tokenizer.encodeBatch(texts, { addSpecialTokens });
  }
  return inputs.map((input) =>
    typeof input === 'string'
      ? tokenizer.encode(input, { addSpecialTokens })
      : tokenizer.encode(input[0], { pair: input[1], addSpecialTokens }),
  );
}

export class Comparison {
  readonly json: TokenizerJson;
  readonly ours: Tokenizer;
  readonly rust: ReturnType<typeof rustTokenizer>;
  readonly reports: string[] = [];
  compared = 0;

  constructor(readonly composition: Composition) {
    this.json = composition.json();
    this.ours = ourTokenizer(this.json);
    this.rust = rustTokenizer(this.json);
  }

  async encode(inputs: readonly Input[], addSpecialTokens = true): Promise<void> {
    for (let at = 0; at < inputs.length; at += BATCH) {
      const batch = inputs.slice(at, at + BATCH);
      const theirs = await rustEncode(this.rust, batch, addSpecialTokens);
      const ours = ourEncode(this.ours, batch, addSpecialTokens);
      for (let i = 0; i < batch.length; i++) {
        const found = this.different(ours[i], theirs[i]);
        if (found.length > 0) await this.report(batch[i], addSpecialTokens, found);
      }
      this.compared += batch.length;
    }
  }

  private different(ours: Encoding, theirs: Columns): Difference[] {
    return unintended(this.json, differences(ourColumns(ours), theirs));
  }

  private async report(input: Input, addSpecialTokens: boolean, found: readonly Difference[]): Promise<void> {
    if (this.reports.length >= REPORTED) return;
    let smallest = input;
    let reported = found;
    const attempt = async (smaller: Input): Promise<boolean> => {
      const [theirs] = await rustEncode(this.rust, [smaller], addSpecialTokens);
      const [ours] = ourEncode(this.ours, [smaller], addSpecialTokens);
      const still = this.different(ours, theirs);
      if (still.length === 0) return false;
      [smallest, reported] = [smaller, still];
      return true;
    };
    if (typeof input === 'string') {
      await shorten(input, attempt);
    } else {
      await shorten(input[0], (text) => attempt([text, smallest[1]]));
      await shorten(input[1], (text) => attempt([smallest[0], text]));
    }
    const columns = reported.map(({ column, ours, theirs }) => `    ${column}: ours ${ours}, Rust ${theirs}`);
    this.reports.push([`${this.composition.name}: ${escape(smallest)}`, ...columns].join('\n'));
  }
}

/** Leaves out whatever can be left out of a text while `attempt` holds. */
async function shorten(text: string, attempt: (text: string) => Promise<boolean>): Promise<void> {
  let characters = [...text];
  for (let size = characters.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < characters.length;) {
      const rest = characters.toSpliced(at, size);
      if (await attempt(rest.join(''))) characters = rest;
      else at += size;
    }
  }
}

const escape = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/gu,
    (character) =>
      `\\u{${character.codePointAt(0)!.toString(16)}}${/[\p{L}\p{N}\p{S}]/u.test(character) ? character : ''}`,
  );
