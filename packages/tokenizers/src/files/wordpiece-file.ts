import { checkFileKind, fileError, linesOf, quote } from './file-error';
import { addedToken, vocabJSON, type TemplatePieceJSON, type TokenizerJSON } from './tokenizer-json';

const KIND = 'vocab.txt';

/** Token → id. */
export type WordPieceVocab = ReadonlyMap<string, number>;

export interface WordPieceOptions {
  /** Default true, as for BERT's models that are called uncased. */
  readonly lowercase?: boolean;
  /** Default null: as `lowercase`. */
  readonly stripAccents?: boolean | null;
  /** Put spaces around Chinese characters, so that each is a word. Default true. */
  readonly handleChineseChars?: boolean;
}

/**
 * Reads BERT's `vocab.txt`: a token on each line, whose id is the number of lines before it.
 *
 * @throws TokenizerError with the numbers of lines that are empty, or equal.
 */
export function readWordPieceFile(text: string): WordPieceVocab {
  checkFileKind(KIND, text);
  const vocab = new Map<string, number>();
  for (const [id, token] of linesOf(text).entries()) {
    const before = vocab.get(token);
    if (before !== undefined) {
      throw fileError(KIND, `line ${id + 1}`, `${quote(token)} stands on line ${before + 1} as well; rename one`);
    }
    if (token === '') throw fileError(KIND, `line ${id + 1}`, 'the line is empty, but each is the token of an id');
    vocab.set(token, id);
  }
  if (vocab.size === 0) throw fileError(KIND, '', 'there are no tokens; get the file again');
  return vocab;
}

/**
 * The text of `vocab.txt`.
 *
 * @throws TokenizerError if ids do not run from 0 without gaps, or a token is not one line.
 */
export function writeWordPieceFile(vocab: WordPieceVocab): string {
  const sorted = [...vocab].sort((a, b) => a[1] - b[1]);
  let text = '';
  for (const [line, [token, id]] of sorted.entries()) {
    if (id !== line)
      throw fileError(KIND, '', `ids must run from 0 to ${vocab.size - 1}, but ${quote(token)} has ${id}`);
    if (token === '' || /[\r\n]/u.test(token)) {
      throw fileError(KIND, `line ${line + 1}`, `token ${quote(token)} is not one line of text; rename it`);
    }
    text += `${token}\n`;
  }
  return text;
}

/**
 * The `tokenizer.json` of BERT for a vocabulary, of the parts that Hugging Face's converter uses: `[CLS]` before a text,
 * `[SEP]` after each.
 *
 * @throws TokenizerError if the vocabulary lacks `[UNK]`, `[CLS]` or `[SEP]`.
 */
export function wordPieceToTokenizerJson(vocab: WordPieceVocab, options: WordPieceOptions = {}): TokenizerJSON {
  const { lowercase = true, stripAccents = null, handleChineseChars = true } = options;
  for (const token of ['[UNK]', '[CLS]', '[SEP]']) {
    if (!vocab.has(token)) throw fileError(KIND, '', `there is no ${token}, which BERT needs; add a line with it`);
  }
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].filter((token) => vocab.has(token));
  const token = (id: string, type_id: number): TemplatePieceJSON => ({ SpecialToken: { id, type_id } });
  const sequence = (id: 'A' | 'B', type_id: number): TemplatePieceJSON => ({ Sequence: { id, type_id } });
  const single = [token('[CLS]', 0), sequence('A', 0), token('[SEP]', 0)];
  const named = (id: string): [string, { id: string; ids: number[]; tokens: string[] }] => [
    id,
    { id, ids: [vocab.get(id)!], tokens: [id] },
  ];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => addedToken(vocab.get(content)!, content)).sort((a, b) => a.id - b.id),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: handleChineseChars,
      strip_accents: stripAccents,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single,
      pair: [...single, sequence('B', 1), token('[SEP]', 1)],
      special_tokens: Object.fromEntries([named('[CLS]'), named('[SEP]')]),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: vocabJSON(vocab),
    },
  };
}
