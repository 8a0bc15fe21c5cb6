import type { Normalizer } from '../parts';
import { widthAt, type AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';
import { Charsmap } from './charsmap';
import { applyChanges, type Change } from './edits';
import { shortClusters } from './short-clusters';

/**
 * The compiled rules that a SentencePiece model brings along (`precompiled_charsmap`), mostly a form of NFKC.
 *
 * @throws TokenizerError if the bytes are not such rules.
 */
export function precompiled(charsmap: Uint8Array): Normalizer {
  const rules = new Charsmap(charsmap);
  // ASCII characters that no rule changes: mostly all that are visible, and the space.
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const plain = ascii.filter((character) => rules.get(character) === null && character !== '\r');
  const escaped = plain.map((character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
  // A line feed after a carriage return has rules of its own.
  const plainText = new RegExp(`^[${escaped}]*$`);
  return {
    normalize: (text) => (plainText.test(text.text) ? text : applyRules(text, rules)),
    toJSON: () => ({ type: 'Precompiled', precompiled_charsmap: toBase64(charsmap) }),
  };
}

/** A change, or a run of characters that stay as they are. */
interface Step extends Change {
  readonly kept: boolean;
}

function applyRules(text: AlignedText, rules: Charsmap): AlignedText {
  const source = text.text;
  const clusters = shortClusters(source);
  const steps: Step[] = [];
  let modified = false;
  /** Whether one unit stands for one unit throughout. */
  let inStep = true;
  /** Where characters begin that no rule was found for, up to `at`. */
  let unchanged = 0;
  /** Characters taken out at the very beginning: the Rust library forgets them, see below. */
  let forgotten = 0;

  const flush = (end: number): void => {
    if (end > unchanged) steps.push({ text: source.slice(unchanged, end), change: 0, kept: true });
  };

  for (let at = 0; at < source.length;) {
    let width = clusters?.get(at) ?? 0;
    let mapped = width > 0 ? rules.get(source.slice(at, at + width)) : null;
    if (mapped === null) {
      width = widthAt(source, at);
      mapped = width === 1 ? rules.ofUnit(source.charCodeAt(at)) : rules.get(source.slice(at, at + width));
    }
    if (mapped !== null) {
      modified = true;
      inStep &&= width === 1 && mapped.length === 1;
      flush(at);
      forgotten += rewrite(steps, source.slice(at, at + width), mapped);
      unchanged = at + width;
    }
    at += width;
  }
  if (!modified) return text;
  flush(source.length);
  if (inStep) return text.withText(steps.map((step) => step.text).join(''));

  const editor = new TextEditor(text);
  for (const step of steps) {
    if (step.kept && forgotten === 0) editor.keep(editor.position + step.text.length);
    else applyChanges(editor, source, splitCharacters(step));
  }
  editor.skip(source.length);
  return editor.finish();
}

/**
 * Adds the steps that put `after` in the place of `before`; gives how many characters were not accounted for.
 *
 * Characters that become fewer are taken out after the last one written. At the beginning there is none: the Rust
 * library then forgets them, and all that follows is aligned that much too early. So it is here.
 */
function rewrite(steps: Step[], before: string, after: string): number {
  const old = Array.from(before).length;
  let i = 0;
  for (const text of after) steps.push({ text, change: i++ < old ? 0 : 1, kept: false });
  if (i >= old) return 0;
  const last = steps.pop();
  if (last === undefined) return old - i;
  const [text] = last.text.slice(-2).match(/.$/su)!;
  if (last.text !== text) steps.push({ ...last, text: last.text.slice(0, -text.length) });
  steps.push({ text, change: last.change + i - old, kept: false });
  return 0;
}

const splitCharacters = ({ text, change }: Change): Change[] =>
  Array.from(text, (character) => ({ text: character, change }));

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}
