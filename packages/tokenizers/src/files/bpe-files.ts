import { TokenizerError } from '../error';
import { checkFileKind, fileError, linesOf, MAX_ID, quote } from './file-error';
import {
  addedToken,
  vocabJSON,
  type AddedTokenJSON,
  type PostProcessorJSON,
  type TokenizerJSON,
} from './tokenizer-json';

const VOCAB = 'vocab.json';
const MERGES = 'merges.txt';

/** What `vocab.json` and `merges.txt` hold together. */
export interface BpeFiles {
  /** Token → id. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Those that come first are made first. */
  readonly merges: readonly (readonly [left: string, right: string])[];
}

export interface BpeFilesOptions {
  /** GPT-2 adds nothing to a text; RoBERTa puts `<s>` and `</s>` around it. */
  readonly style: 'gpt2' | 'roberta';
  /** Take the first word of a text as if a space stood in front. Default false. */
  readonly addPrefixSpace?: boolean;
}

/**
 * Reads the texts of GPT-2's two files: token → id in JSON, and a merge of two tokens on each line.
 *
 * @throws TokenizerError with the line, if a file is not so, an id is not a whole number or stands twice, or a merge is
 * of tokens that the vocabulary does not hold.
 */
export function readBpeFiles(vocabJson: string, mergesText: string): BpeFiles {
  const vocab = readVocabJson(vocabJson);
  return { vocab, merges: readMerges(mergesText, vocab) };
}

/** The texts of `vocab.json` and `merges.txt`. */
export function writeBpeFiles({ vocab, merges }: BpeFiles): { readonly vocab: string; readonly merges: string } {
  const lines = merges.map(([left, right], i) => {
    if (![left, right].every((token) => /^[^ \r\n]+$/u.test(token))) {
      throw fileError(
        MERGES,
        `merge ${i}`,
        `${quote(left)} and ${quote(right)} cannot be told apart in a line of text`,
      );
    }
    return `${left} ${right}\n`;
  });
  return { vocab: JSON.stringify(vocabJSON(vocab)), merges: `#version: 0.2\n${lines.join('')}` };
}

/**
 * The `tokenizer.json` of GPT-2's or RoBERTa's two files, of the parts that Hugging Face's converters use.
 *
 * @throws TokenizerError if the vocabulary lacks `<s>` or `</s>`, which RoBERTa needs.
 */
export function bpeFilesToTokenizerJson({ vocab, merges }: BpeFiles, options: BpeFilesOptions): TokenizerJSON {
  const { style, addPrefixSpace = false } = options;
  if (style !== 'gpt2' && style !== 'roberta') {
    throw new TokenizerError('invalid-option', `style is ${quote(String(style))}, expected "gpt2" or "roberta"`);
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens(vocab, style),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true },
    post_processor: style === 'gpt2' ? untrimmed : robertaProcessing(vocab, addPrefixSpace),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: vocabJSON(vocab),
      merges,
    },
  };
}

const untrimmed: PostProcessorJSON = {
  type: 'ByteLevel',
  add_prefix_space: true,
  trim_offsets: false,
  use_regex: true,
};

function robertaProcessing(vocab: ReadonlyMap<string, number>, addPrefixSpace: boolean): PostProcessorJSON {
  const named = (token: string): [string, number] => {
    const id = vocab.get(token);
    if (id === undefined) {
      throw fileError(VOCAB, '', `there is no ${token}, which RoBERTa puts around a text; add it, or use style 'gpt2'`);
    }
    return [token, id];
  };
  return {
    type: 'RobertaProcessing',
    sep: named('</s>'),
    cls: named('<s>'),
    trim_offsets: true,
    add_prefix_space: addPrefixSpace,
  };
}

function specialTokens(vocab: ReadonlyMap<string, number>, style: BpeFilesOptions['style']): AddedTokenJSON[] {
  const names = style === 'gpt2' ? ['<|endoftext|>'] : ['<s>', '<pad>', '</s>', '<unk>', '<mask>'];
  const added: AddedTokenJSON[] = [];
  for (const name of names) {
    const id = vocab.get(name);
    // A mask stands for a word together with the space in front of it.
    if (id !== undefined) added.push(addedToken(id, name, { lstrip: name === '<mask>' }));
  }
  return added.sort((a, b) => a.id - b.id);
}

function readVocabJson(text: string): Map<string, number> {
  checkFileKind(VOCAB, text);
  const json = parseJson(text.startsWith('\ufeff') ? text.slice(1) : text);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw fileError(VOCAB, '', 'expected an object of tokens and their ids; is this another JSON file?');
  }
  const vocab = new Map<string, number>();
  const owners = new Map<number, string>();
  for (const [token, id] of Object.entries(json as Record<string, unknown>)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > MAX_ID) {
      const found = typeof id === 'number' ? String(id) : id === null ? 'null' : `of type ${typeof id}`;
      const problem = `the id of ${quote(token)} is ${found}, expected a whole number from 0 to ${MAX_ID}`;
      throw fileError(VOCAB, '', `${problem}; ${typeof id === 'object' ? 'is this another JSON file?' : 'change it'}`);
    }
    const owner = owners.get(id);
    if (owner !== undefined) {
      throw fileError(VOCAB, '', `tokens ${quote(owner)} and ${quote(token)} both have id ${id}; change one`);
    }
    owners.set(id, token);
    vocab.set(token, id);
  }
  if (vocab.size === 0) throw fileError(VOCAB, '', 'there are no tokens; get the file again');
  return vocab;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Engines say where in ways of their own; a cut-off file is at its end.
    const position = /position (\d+)/u.exec(String(error))?.[1];
    const line = text.slice(0, position === undefined ? text.length : Number(position)).split('\n').length;
    throw fileError(VOCAB, `line ${line}`, 'this is not JSON, or it was cut off; get the file again');
  }
}

function readMerges(text: string, vocab: ReadonlyMap<string, number>): [left: string, right: string][] {
  if (text !== '') checkFileKind(MERGES, text); // A vocabulary of single characters has no merges.
  const merges: [string, string][] = [];
  const lineOf = new Map<string, number>();
  for (const [index, line] of linesOf(text).entries()) {
    if (index === 0 && line.startsWith('#version')) continue;
    const at = `line ${index + 1}`;
    const parts = line.split(' ');
    const [left, right] = parts;
    if (parts.length !== 2 || left === '' || right === '') {
      throw fileError(MERGES, at, `expected two tokens with one space between, got ${quote(line)}; mend the line`);
    }
    for (const token of [left, right, left + right]) {
      if (vocab.has(token)) continue;
      const problem = `the merge ${quote(line)} needs the token ${quote(token)}, which ${VOCAB} does not hold`;
      throw fileError(MERGES, at, `${problem}; do the two files belong together?`);
    }
    const before = lineOf.get(line);
    if (before !== undefined)
      throw fileError(MERGES, at, `${quote(line)} stands on line ${before} as well; remove one`);
    lineOf.set(line, index + 1);
    merges.push([left, right]);
  }
  return merges;
}
