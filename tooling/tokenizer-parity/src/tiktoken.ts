/** How GPT-2 writes each byte as a character. */
const byteToChar: readonly string[] = (() => {
  const table: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const visible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    table.push(String.fromCharCode(visible ? byte : next++));
  }
  return table;
})();

/**
 * Vocabulary and merges of OpenAI's files, which list tokens in base64 with their ranks. The merge that makes a token is
 * that of the two parts into which merges of lower ranks turn it.
 */
export function ranksToMerges(text: string): { vocab: Record<string, number>; merges: (readonly [string, string])[] } {
  const ranks = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [token, rank] = line.split(' ');
    ranks.set(Array.from(Buffer.from(token, 'base64'), (byte) => byteToChar[byte]).join(''), Number(rank));
  }
  const merges: (readonly [string, string])[] = [];
  for (const [token, rank] of ranks) {
    if (token.length === 1) continue;
    const parts = mergedBelow(token, rank, ranks);
    if (parts.length === 2) merges.push([parts[0], parts[1]]);
  }
  return { vocab: Object.fromEntries(ranks), merges };
}

function mergedBelow(token: string, limit: number, ranks: ReadonlyMap<string, number>): string[] {
  const parts = [...token];
  for (;;) {
    let best = -1;
    let bestRank = limit;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(parts[i] + parts[i + 1]);
      if (rank !== undefined && rank < bestRank) [best, bestRank] = [i, rank];
    }
    if (best < 0) return parts;
    parts.splice(best, 2, parts[best] + parts[best + 1]);
  }
}
