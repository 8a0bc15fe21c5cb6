import type { TokenizerError } from '../error';
import { byteToChar } from '../bytes';
import { fromBinary, toBinary } from './byte-alphabet';
import { checkFileKind, fileError, linesOf, MAX_ID, quote } from './file-error';
import { addedToken, vocabJSON, type TokenizerJSON } from './tokenizer-json';

const KIND = 'tiktoken file';

/** Each token, in GPT-2's alphabet of bytes (a space is `Ġ`), and its rank, which is its id as well. */
export type TiktokenRanks = ReadonlyMap<string, number>;

/** What a `.tiktoken` file does not say. */
export interface TiktokenOptions {
  /** The regular expression whose matches are the pieces of a text; no token reaches beyond its piece. */
  readonly pattern: string;
  /** Special tokens and their ids. */
  readonly specialTokens?: Readonly<Record<string, number>>;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u;
const MAX_LINE = 100_000;

/**
 * Reads a `.tiktoken` file: a token in base64 and its rank on each line.
 *
 * @throws TokenizerError with the number of the line that is not so, or that repeats a token or a rank.
 */
export function readTiktoken(text: string): TiktokenRanks {
  checkFileKind(KIND, text);
  const ranks = new Map<string, number>();
  const lineOfRank = new Map<number, number>();
  for (const [index, line] of linesOf(text).entries()) {
    if (line === '') continue;
    const at = `line ${index + 1}`;
    const space = line.indexOf(' ');
    const code = line.slice(0, space);
    if (space <= 0 || line.length > MAX_LINE || !base64.test(code)) {
      throw fileError(
        KIND,
        at,
        `expected a token in base64, a space and its rank, got ${quote(line)}; get the file again`,
      );
    }
    const rankText = line.slice(space + 1);
    const rank = /^\d{1,10}$/u.test(rankText) ? Number(rankText) : Infinity;
    if (rank > MAX_ID) {
      throw fileError(KIND, at, `the rank is ${quote(rankText)}, expected a whole number from 0 to ${MAX_ID}`);
    }
    const token = fromBinary(atob(code));
    const before = lineOfRank.get(rank);
    if (before !== undefined) {
      throw fileError(KIND, at, `rank ${rank} stands on line ${before} as well; remove or renumber one`);
    }
    const other = ranks.get(token);
    if (other !== undefined) {
      throw fileError(KIND, at, `token ${quote(token)} stands on line ${lineOfRank.get(other)} as well; remove one`);
    }
    ranks.set(token, rank);
    lineOfRank.set(rank, index + 1);
  }
  if (ranks.size === 0) throw fileError(KIND, '', 'there are no tokens; get the file again');
  return ranks;
}

/** The text of a `.tiktoken` file, by rank. */
export function writeTiktoken(ranks: TiktokenRanks): string {
  let text = '';
  for (const [token, rank] of sortedByRank(ranks)) {
    const binary = toBinary(token);
    if (binary === undefined || binary === '') {
      throw invalid(
        `token ${quote(token)} is not in GPT-2's alphabet of bytes; write each byte as its character there`,
      );
    }
    text += `${btoa(binary)} ${rank}\n`;
  }
  return text;
}

/**
 * The `tokenizer.json` that encodes as tiktoken does: BPE of bytes, with a merge for every way to make a token of two
 * others, in the order of ranks. `tiktokenPresets` has the options of OpenAI's encodings.
 *
 * Special tokens stand in the vocabulary too, which keeps their ids where these leave gaps.
 *
 * @throws TokenizerError if a byte has no token, or an id below the highest rank has none, or has two.
 */
export function tiktokenToTokenizerJson(ranks: TiktokenRanks, options: TiktokenOptions): TokenizerJSON {
  const { pattern, specialTokens = {} } = options;
  const specials = Object.entries(specialTokens).sort((a, b) => a[1] - b[1]);
  const sorted = sortedByRank(ranks);
  checkIds(ranks, sorted, specials);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map(([token, id]) => addedToken(id, token)),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: vocabJSON(new Map([...ranks, ...specials])),
      merges: mergesByRank(ranks, sorted),
    },
  };
}

/** Of each token, in the order of ranks, every split into two others, those of the lowest ranks first. */
function mergesByRank(ranks: TiktokenRanks, sorted: readonly (readonly [string, number])[]): [string, string][] {
  const merges: [string, string][] = [];
  for (const [token] of sorted) {
    const own: [left: string, right: string, leftRank: number][] = [];
    for (let cut = 1; cut < token.length; cut++) {
      const left = token.slice(0, cut);
      const leftRank = ranks.get(left);
      if (leftRank === undefined) continue;
      const right = token.slice(cut);
      if (ranks.has(right)) own.push([left, right, leftRank]);
    }
    if (own.length > 1) own.sort((a, b) => a[2] - b[2]);
    for (const [left, right] of own) merges.push([left, right]);
  }
  return merges;
}

function checkIds(
  ranks: TiktokenRanks,
  sorted: readonly (readonly [string, number])[],
  specials: readonly (readonly [string, number])[],
): void {
  const owners = new Map<number, string>();
  for (const [token, id] of [...sorted, ...specials]) {
    if (!Number.isInteger(id) || id < 0 || id > MAX_ID) {
      throw invalid(`token ${quote(token)} has the id ${id}, expected a whole number from 0 to ${MAX_ID}`);
    }
    const owner = owners.get(id);
    if (owner !== undefined) throw invalid(`tokens ${quote(owner)} and ${quote(token)} both have id ${id}; change one`);
    owners.set(id, token);
  }
  for (const [token] of specials) {
    if (token === '' || ranks.has(token)) {
      throw invalid(
        `the special token ${quote(token)} is ${token === '' ? 'empty' : 'an ordinary token too'}; rename it`,
      );
    }
  }
  for (const [byte, character] of byteToChar.entries()) {
    if (ranks.has(character)) continue;
    throw invalid(`byte ${byte} has no token, so that not every text can be encoded; get the file again`);
  }
  // Every gap makes the ids run ahead of their count, so that this loop ends at the first.
  const highest = sorted[sorted.length - 1][1];
  for (let id = 0; id < highest; id++) {
    if (owners.has(id)) continue;
    throw invalid(
      `id ${id} has no token: a line is missing, or a special token with that id; name it in specialTokens`,
    );
  }
}

function sortedByRank(ranks: TiktokenRanks): [token: string, rank: number][] {
  return [...ranks].sort((a, b) => a[1] - b[1]);
}

const invalid = (problem: string): TokenizerError => fileError(KIND, '', problem);
