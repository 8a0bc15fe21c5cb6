import type { Encoding } from '@qkv/tokenizers';

/** A text, its pieces, and the tokens, ids and offsets under them: a column for each token, in as many blocks as needed. */
export function renderTokens(texts: readonly string[], encoding: Encoding, width: number): string {
  const columns = columnsOf(texts, encoding);
  const blocks: string[] = [];
  for (let at = 0; at < columns.length;) {
    let end = at;
    for (let used = TITLE_WIDTH; end < columns.length; end++) {
      used += columns[end].width + 1;
      if (used > width && end > at) break;
    }
    blocks.push(renderBlock(columns.slice(at, end)));
    at = end;
  }
  return blocks.length === 0 ? 'no tokens' : blocks.join('\n\n');
}

interface Column {
  /** Tokens of one piece stand under one cell. Undefined for tokens that are of no text. */
  readonly piece: string | undefined;
  readonly text: string;
  readonly cells: readonly string[];
  width: number;
}

const TITLES = ['tokens', 'ids', 'offsets'];
const TITLE_WIDTH = 'offsets '.length;

function columnsOf(texts: readonly string[], encoding: Encoding): Column[] {
  const { ids, tokens, offsets, wordIds, sequenceIds } = encoding;
  const pieces = Array.from(ids, (_, i) =>
    wordIds[i] < 0 ? undefined : `${Math.max(0, sequenceIds[i])}:${wordIds[i]}`,
  );
  const ranges = new Map<string, [start: number, end: number, from: number, count: number]>();
  pieces.forEach((piece, i) => {
    if (piece === undefined) return;
    const [start, end] = offsets[i];
    const range = ranges.get(piece);
    if (range === undefined) ranges.set(piece, [start, end, i, 1]);
    else ranges.set(piece, [Math.min(range[0], start), Math.max(range[1], end), range[2], range[3] + 1]);
  });
  const columns = pieces.map((piece, i): Column => {
    const [start, end] = ranges.get(piece ?? '') ?? [0, 0];
    const text = piece === undefined ? '' : visible(texts[Number(piece.split(':')[0])].slice(start, end));
    const cells = [visible(tokens[i]), String(ids[i]), piece === undefined ? '' : `${offsets[i][0]}–${offsets[i][1]}`];
    return { piece, text, cells, width: Math.max(1, ...cells.map(widthOf)) };
  });
  // What a piece needs beyond its tokens, its last column gives.
  for (const [, , from, count] of ranges.values()) {
    const under = columns.slice(from, from + count);
    const room = under.reduce((sum, { width }) => sum + width + 1, -1);
    under[count - 1].width += Math.max(0, widthOf(under[0].text) - room);
  }
  return columns;
}

function renderBlock(columns: readonly Column[]): string {
  let pieces = '';
  for (let i = 0; i < columns.length;) {
    let end = i + 1;
    while (end < columns.length && columns[i].piece !== undefined && columns[end].piece === columns[i].piece) end++;
    const room = columns.slice(i, end).reduce((sum, { width }) => sum + width + 1, -1);
    pieces += pad(shorten(columns[i].text, room), room) + '│';
    i = end;
  }
  const lines = TITLES.map((title, row) => [
    title,
    columns.map(({ cells, width }) => `${pad(cells[row], width)}│`).join(''),
  ]);
  return [['pieces', pieces], ...lines].map(([title, text]) => title.padEnd(TITLE_WIDTH) + text).join('\n');
}

/** Text for one line of a terminal: what cannot be seen stands as JSON writes it. */
export const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|\p{Cf}/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    if (escaped !== character) return escaped;
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** Places that a text takes in a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += /^\p{M}$/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** A piece that goes on in the next block may have less room than it needs. */
function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let short = '';
  for (const character of text) {
    if (widthOf(short + character) > width - 1) break;
    short += character;
  }
  return `${short}…`;
}
