import type { ConlluWord } from './conllu';
import type { Failure } from './text-lines';

const mend = 'or write _ in HEAD and DEPREL of the whole sentence if it has no tree';

/** Throws unless HEAD and DEPREL are a tree with one root, `root` if and only if the head is 0, or are all empty. */
export function checkTree(words: readonly ConlluWord[], fail: Failure): void {
  if (words.every(({ head, deprel }) => head === null && deprel === null)) return;
  let root: ConlluWord | undefined;
  for (const word of words) {
    const { id, head, deprel, line } = word;
    if (head === null || deprel === null) {
      throw fail(`word ${id} has no ${head === null ? 'head' : 'deprel'}, others have; fill it in, ${mend}`, line);
    }
    if (head > words.length)
      throw fail(`head ${head} of word ${id} is not in the sentence, which has ${words.length} words`, line);
    if (head === id) throw fail(`word ${id} is its own head; name another, ${mend}`, line);
    if ((head === 0) !== (deprel.split(':')[0] === 'root')) {
      throw fail(`word ${id} has the head ${head} and the deprel ${deprel}; root goes with head 0 and no other`, line);
    }
    if (head !== 0) continue;
    if (root !== undefined)
      throw fail(`words ${root.id} and ${id} both have the head 0; leave one root, ${mend}`, line);
    root = word;
  }
  checkCycles(words, fail);
}

function checkCycles(words: readonly ConlluWord[], fail: Failure): void {
  const seenBy = new Int32Array(words.length + 1); // the word from which each was first reached
  for (const { id: start, line } of words) {
    let id = start;
    for (; id !== 0 && seenBy[id] === 0; id = words[id - 1].head ?? 0) seenBy[id] = start;
    if (id !== 0 && seenBy[id] === start)
      throw fail(`the heads from word ${start} on go in a circle; mend one, ${mend}`, line);
  }
}
