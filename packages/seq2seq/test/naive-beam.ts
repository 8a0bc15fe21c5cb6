import { logSoftmaxOf } from './automaton';

export interface NaiveOptions {
  readonly beams: number;
  readonly maxLength: number;
  readonly startId: number;
  readonly endId: number;
  readonly lengthPenalty: number;
  readonly stop: 'exact' | 'first' | 'never';
  readonly nBest: number;
  readonly groups?: number;
  readonly diversity?: number;
  readonly forbidden?: readonly number[];
  readonly minLength?: number;
}

export interface NaiveResult {
  readonly ids: number[];
  readonly logProbability: number;
  readonly score: number;
  readonly finished: boolean;
}

interface Beam {
  readonly ids: number[];
  readonly chosenBy: number;
  readonly logProbability: number;
}

type Model = (tokens: readonly number[]) => number[];

const penalty = (n: number, alpha: number): number => ((5 + n) / 6) ** alpha;

/** log p of the tokens that may follow. */
function continuations(model: Model, ids: readonly number[], options: NaiveOptions): [number, number][] {
  const { startId, endId, forbidden = [], minLength = 0 } = options;
  return logSoftmaxOf(model([startId, ...ids]))
    .map((logp, token): [number, number] => [token, logp])
    .filter(([token]) => !forbidden.includes(token) && !(token === endId && ids.length < minLength));
}

/** Every sequence that the options allow, best first. */
export function exhaustive(model: Model, options: NaiveOptions): NaiveResult[] {
  const { endId, maxLength, lengthPenalty } = options;
  const found: NaiveResult[] = [];
  const visit = (ids: number[], sum: number): void => {
    if (ids.length === maxLength) {
      found.push({ ids, logProbability: sum, score: sum / penalty(maxLength, lengthPenalty), finished: false });
      return;
    }
    for (const [token, logp] of continuations(model, ids, options)) {
      const total = sum + logp;
      if (token !== endId) visit([...ids, token], total);
      else
        found.push({
          ids,
          logProbability: total,
          score: total / penalty(ids.length + 1, lengthPenalty),
          finished: true,
        });
    }
  };
  visit([], 0);
  return found.sort((a, b) => b.score - a.score);
}

/** Beam search with lists and sorts, as the papers tell it, for one source. Groups: Vijayakumar et al. 2016, Algorithm 1. */
export function naiveBeamSearch(model: Model, options: NaiveOptions): NaiveResult[] {
  const { beams, endId, maxLength, lengthPenalty: alpha, stop, nBest, groups = 1, diversity = 0 } = options;
  const K = beams / groups;
  const live: Beam[][] = Array.from({ length: groups }, () => [{ ids: [], chosenBy: 0, logProbability: 0 }]);
  const ended: NaiveResult[][] = Array.from({ length: groups }, () => []);
  for (let n = 1; n <= maxLength; n++) {
    const said = new Map<number, number>();
    for (let g = 0; g < groups; g++) {
      const candidates = live[g].flatMap((beam) =>
        continuations(model, beam.ids, options).map(([token, logp]) => ({
          ids: [...beam.ids, token],
          chosenBy: beam.chosenBy + logp - diversity * (said.get(token) ?? 0),
          logProbability: beam.logProbability + logp,
        })),
      );
      candidates.sort((a, b) => b.chosenBy - a.chosenBy);
      live[g] = [];
      for (const candidate of candidates.slice(0, 2 * K)) {
        const { ids, logProbability } = candidate;
        if (ids.at(-1) === endId) {
          ended[g].push({
            ids: ids.slice(0, -1),
            logProbability,
            score: logProbability / penalty(n, alpha),
            finished: true,
          });
        } else if (live[g].length < K) live[g].push(candidate);
      }
      for (const { ids } of live[g]) said.set(ids.at(-1)!, (said.get(ids.at(-1)!) ?? 0) + 1);
      if (n === maxLength) {
        for (const { ids, logProbability } of live[g]) {
          ended[g].push({ ids, logProbability, score: logProbability / penalty(n, alpha), finished: false });
        }
      }
    }
    // `exact` is to give what `never` gives.
    if (stop === 'first' && ended.every((list) => list.length >= K)) break;
  }
  for (const list of ended) list.sort((a, b) => b.score - a.score);
  const all = ended.flatMap((list) => list.slice(0, K)).sort((a, b) => b.score - a.score);
  const distinct = all.filter(
    (one, i) => all.findIndex(({ ids, finished }) => `${ids},${finished}` === `${one.ids},${one.finished}`) === i,
  );
  return distinct.slice(0, nBest);
}
