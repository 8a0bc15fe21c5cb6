import { widthAt } from '../text/aligned-text';
import type { Pieces } from '../text/pieces';
import { TextEditor } from '../text/text-editor';

/** Puts `prefix` before each piece that `wants` it; it shares the origin of the piece's first character. */
export function prependToPieces(pieces: Pieces, prefix: string, wants: (start: number) => boolean): Pieces {
  const { text, bounds } = pieces;
  if (bounds.length === 2 && bounds[0] === 0) {
    if (!wants(0)) return pieces;
    return { ...pieces, text: text.prepend(prefix), bounds: [0, bounds[1] + prefix.length] };
  }
  const editor = new TextEditor(text);
  const moved: number[] = [];
  let shift = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    const start = bounds[i];
    moved.push(start + shift);
    if (wants(start)) {
      editor.keep(start);
      editor.replace(prefix + text.text.slice(start, start + widthAt(text.text, start)));
      shift += prefix.length;
    }
    moved.push(bounds[i + 1] + shift);
  }
  return { ...pieces, text: editor.finish(), bounds: moved };
}
