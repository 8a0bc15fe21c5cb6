import { widthAt, type AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';
import { classesOf } from './characters';

/** Leaves out all characters of the given classes. */
export function removeClasses(text: AlignedText, classes: number): AlignedText {
  const source = text.text;
  let editor: TextEditor | undefined;
  for (let at = 0; at < source.length;) {
    const code = source.codePointAt(at)!;
    const next = at + (code > 0xffff ? 2 : 1);
    if ((classesOf(code) & classes) !== 0) {
      editor ??= new TextEditor(text);
      editor.keep(at);
      editor.skip(next);
    }
    at = next;
  }
  return editor === undefined ? text : editor.finish();
}

/**
 * One step of a rewriting, from left to right. With change 0 the text takes the place of the next character, with -n
 * of the next and of n more that are left out; with a positive change it is inserted.
 */
export interface Change {
  readonly text: string;
  readonly change: number;
}

/** Applies changes at the place where the editor is. */
export function applyChanges(editor: TextEditor, source: string, changes: readonly Change[]): void {
  for (const { text, change } of changes) {
    if (change > 0) {
      editor.insert(text);
      continue;
    }
    editor.replace(text);
    for (let n = change; n < 0 && editor.position < source.length; n++) {
      editor.skip(editor.position + widthAt(source, editor.position));
    }
  }
}
