import { Encoding } from '../encoding';

/** A special token and its id, as Bert's and Roberta's processors are given it. */
export type TokenAndId = readonly [token: string, id: number];

/** One added token. */
export const added = ([token, id]: TokenAndId, typeId: number): Encoding => Encoding.added([id], [token], typeId);

/** The encoding and its overflowing parts with the given type id. */
export const typed = (encoding: Encoding, typeId: number): Encoding =>
  encoding.isOfType(typeId)
    ? encoding
    : encoding.with({ typeId, overflowing: encoding.mapOverflowing((part) => typed(part, typeId)) });
