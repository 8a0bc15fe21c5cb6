import type { ConlluDependency, ConlluSentence } from './conllu';

/** Writes what {@link parseConllu} reads: for a file with one blank line after each sentence, the same characters. */
export function formatConllu(sentences: Iterable<ConlluSentence>): string {
  const lines: string[] = [];
  for (const { comments, words, ranges, emptyNodes } of sentences) {
    for (const comment of comments) lines.push(`#${comment}`);
    const emptyAfter = (id: number): void => {
      for (const { after, index, ...e } of emptyNodes) {
        if (after === id)
          lines.push(row(`${after}.${index}`, e.form, e.lemma, e.upos, e.xpos, e.feats, null, null, e.deps, e.misc));
      }
    };
    emptyAfter(0);
    for (const { id, form, lemma, upos, xpos, feats, head, deprel, deps, misc } of words) {
      const range = ranges.find(({ first }) => first === id);
      if (range) {
        lines.push(
          row(`${range.first}-${range.last}`, range.form, null, null, null, range.feats, null, null, [], range.misc),
        );
      }
      lines.push(row(String(id), form, lemma, upos, xpos, feats, head, deprel, deps, misc));
      emptyAfter(id);
    }
    lines.push('');
  }
  return lines.map((line) => `${line}\n`).join('');
}

function row(
  id: string,
  form: string,
  lemma: string | null,
  upos: string | null,
  xpos: string | null,
  feats: ReadonlyMap<string, string>,
  head: number | null,
  deprel: string | null,
  deps: readonly ConlluDependency[],
  misc: readonly string[],
): string {
  const features = Array.from(feats, ([name, value]) => `${name}=${value}`);
  const graph = deps.map((dependency) => `${dependency.head}:${dependency.deprel}`);
  const list = (items: readonly string[]): string | null => (items.length === 0 ? null : items.join('|'));
  return [id, form, lemma, upos, xpos, list(features), head, deprel, list(graph), list(misc)]
    .map((column) => column ?? '_')
    .join('\t');
}
