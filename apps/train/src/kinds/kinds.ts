import type { Kind } from '../run/kind';
import { classify } from './classify';
import { g2p } from './g2p';
import { nodes } from './nodes';
import { seq2seq } from './seq2seq';
import { speech } from './speech';
import { tag } from './tag';

/** Every kind of task that there is. */
export const kinds: readonly Kind[] = [g2p, seq2seq, tag, classify, nodes, speech];

/** By the name that configs have for it. */
export const kindNamed = (name: unknown): Kind | undefined => kinds.find((kind) => kind.name === name);
