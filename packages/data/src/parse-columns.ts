import { failureOf, textLines, type TextOptions } from './text-lines';

/** A sentence with one label for each token. */
export interface TaggedSentence {
  readonly tokens: readonly string[];
  readonly labels: readonly string[];
  /** Of the first token; 1 for the first line of the file. */
  readonly line: number;
}

/**
 * Reads tagging files of two columns: `token<TAB>label` or `token label` on each line, a blank line between sentences, as
 * in the shared tasks of CoNLL. Lines that begin with `-DOCSTART-` part documents and are left out. With a tab, the token
 * may hold spaces.
 *
 * @throws DataFormatError that names the first line with another number of columns or an empty one.
 */
export function parseColumns(text: string | Uint8Array, options: TextOptions = {}): TaggedSentence[] {
  const fail = failureOf(options);
  const sentences: TaggedSentence[] = [];
  let open: { tokens: string[]; labels: string[]; line: number } | null = null;
  let number = 0;
  for (const line of textLines(text, fail, options.encoding)) {
    number++;
    const columns = line.includes('\t') ? line.split('\t') : line.split(/ +/);
    if (/^[ \t]*$/.test(line) || columns[0] === '-DOCSTART-') {
      open = null;
      continue;
    }
    if (columns.length !== 2) {
      const mend = columns.length > 2 ? '; keep the token and one label' : '';
      const found = `${columns.length} column${columns.length === 1 ? '' : 's'}`;
      throw fail(`expected token<TAB>label or token label, got ${found}${mend}`, number);
    }
    const [token, label] = columns.map(withoutSpaces);
    if (token === '' || label === '') {
      throw fail(`its ${token === '' ? 'token' : 'label'} is empty; fill it in or remove the line`, number);
    }
    if (open === null) sentences.push((open = { tokens: [], labels: [], line: number }));
    open.tokens.push(token);
    open.labels.push(label);
  }
  if (sentences.length === 0) throw fail('there are no sentences in it');
  return sentences;
}

/** Without those around it. An expression for the last ones would look at each run within the text anew from each place. */
function withoutSpaces(column: string): string {
  let [start, end] = [0, column.length];
  while (start < end && column[start] === ' ') start++;
  while (start < end && column[end - 1] === ' ') end--;
  return column.slice(start, end);
}
