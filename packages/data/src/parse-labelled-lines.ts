import { failureOf, textLines, type TextOptions } from './text-lines';

/** A text with its class. */
export interface LabelledText {
  readonly label: string;
  readonly text: string;
  /** 1 for the first of the file. */
  readonly line: number;
}

export interface LabelledLinesOptions extends TextOptions {
  /** What ends the label: a tab, or the first space, as in the files of TREC and SST. Default 'tab'. */
  readonly separator?: 'tab' | 'space';
}

/**
 * Reads one example a line, its label first: `label<TAB>text`. White space around either is not part of it.
 *
 * @throws DataFormatError that names the first line without a separator, with more than one tab, or with an empty side.
 */
export function parseLabelledLines(text: string | Uint8Array, options: LabelledLinesOptions = {}): LabelledText[] {
  const { separator = 'tab', encoding } = options;
  const fail = failureOf(options);
  const sign = separator === 'tab' ? '\t' : ' ';
  const form = separator === 'tab' ? 'label<TAB>text' : 'label text';
  const examples: LabelledText[] = [];
  let number = 0;
  for (const line of textLines(text, fail, encoding)) {
    number++;
    if (line.trim() === '') throw fail(`expected ${form}, got an empty line; remove it`, number);
    const at = line.indexOf(sign);
    if (at < 0) {
      const other =
        separator === 'tab' && line.includes(' ') ? "; if a space ends the label, say separator: 'space'" : '';
      throw fail(`expected ${form}, got no ${separator}${other}`, number);
    }
    if (separator === 'tab' && line.includes('\t', at + 1)) {
      throw fail(`expected ${form}, got ${line.split('\t').length} columns; keep two (cut -f 1,2)`, number);
    }
    const label = line.slice(0, at).trim();
    const rest = line.slice(at + 1).trim();
    if (label === '' || rest === '') {
      throw fail(`its ${label === '' ? 'label' : 'text'} is empty; fill it in or remove the line`, number);
    }
    examples.push({ label, text: rest, line: number });
  }
  if (examples.length === 0) throw fail('there are no examples in it');
  return examples;
}
