import type { Kind } from '../run/kind';
import { g2p } from './g2p';
import { seq2seq } from './seq2seq';

/** Every kind of task that there is. */
export const kinds: readonly Kind[] = [g2p, seq2seq];

/** By the name that configs have for it. */
export const kindNamed = (name: unknown): Kind | undefined => kinds.find((kind) => kind.name === name);
