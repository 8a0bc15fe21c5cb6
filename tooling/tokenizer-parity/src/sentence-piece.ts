/**
 * Pieces, scores and the normaliser's table of a SentencePiece model, a protocol buffer: as little of that format as is
 * needed, written apart from the library that is tested.
 */
export function readSentencePiece(bytes: Uint8Array): { pieces: (readonly [string, number])[]; charsmap: Uint8Array } {
  const pieces: (readonly [string, number])[] = [];
  let charsmap: Uint8Array = new Uint8Array();
  for (const { field, value } of fields(bytes)) {
    if (field === 1) {
      let [piece, score] = ['', 0];
      for (const member of fields(value as Uint8Array)) {
        if (member.field === 1) piece = new TextDecoder().decode(member.value as Uint8Array);
        if (member.field === 2) score = view(member.value as Uint8Array).getFloat32(0, true);
      }
      pieces.push([piece, score]);
    }
    if (field === 3) {
      for (const member of fields(value as Uint8Array)) {
        if (member.field === 2) charsmap = member.value as Uint8Array;
      }
    }
  }
  return { pieces, charsmap };
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function* fields(bytes: Uint8Array): Generator<{ field: number; value: Uint8Array | number }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) {
      yield { field: tag >> 3, value: varint() };
      continue;
    }
    const length = kind === 2 ? varint() : kind === 5 ? 4 : 8;
    yield { field: tag >> 3, value: bytes.subarray(at, (at += length)) };
  }
}
