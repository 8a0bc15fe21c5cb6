import { Channel, type Program } from './channel';
import { OthersMeter } from './others';
import type { Facts, Series } from './subject';

/** One subject of a case. */
export interface Entry extends Program {
  readonly label: string;
  /** Whether it is qkv. */
  readonly own?: boolean;
  /** Whether the others under the same Node are compared with it. One for each Node. */
  readonly baseline?: boolean;
  /** That it was told to use; its own choice where this is missing. */
  readonly threads?: number;
  /** Takes part in this many rounds only, as it is slow. */
  readonly rounds?: number;
}

/** All that one subject measured. */
export interface Outcome {
  readonly label: string;
  /** What it ran under, such as `v20.20.2`. */
  readonly runtime: string;
  readonly own: boolean;
  readonly baseline: boolean;
  readonly threads?: number;
  readonly facts: Facts;
  /** One record per round; for pairing with other subjects. */
  readonly rounds: readonly Series[];
  /** Why there are no figures, or no more. */
  readonly failure?: string;
}

/** How long a case may take. */
export interface Effort {
  readonly rounds: number;
  /** No round begins later than this after the first, but for the least number of rounds. */
  readonly seconds: number;
}

/** Fewer would have no quartiles. */
export const LEAST_ROUNDS = 3;
/** Seconds to wait for an answer. */
const PATIENCE = 180;
/** Milliseconds between turns, in which threads that spin go to sleep. */
const PAUSE = 20;

class Contender {
  readonly rounds: Series[] = [];
  facts: Facts = {};
  failure: string | undefined;
  readonly #channel: Channel;

  constructor(readonly entry: Entry) {
    this.#channel = new Channel(entry, PATIENCE);
  }

  async start(): Promise<void> {
    const message = await this.#channel.next();
    if (message.kind === 'ready') this.facts = message.facts;
    if (message.kind === 'failed') this.failure = message.message;
  }

  async round(index: number): Promise<void> {
    const { rounds = Infinity } = this.entry;
    if (this.failure !== undefined || index >= rounds) return;
    const message = await this.#channel.round();
    if (message.kind === 'failed') this.failure = message.message;
    if (message.kind === 'samples' && index >= 0) this.rounds.push(message.series);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }

  get outcome(): Outcome {
    const { entry, facts, rounds, failure } = this;
    const { label, own = false, baseline = false, threads } = entry;
    return {
      label,
      runtime: entry.runtime.version,
      own,
      baseline,
      ...(threads === undefined ? {} : { threads }),
      facts,
      rounds,
      ...(failure === undefined ? {} : { failure }),
    };
  }

  get pid(): number[] {
    return this.#channel.pid === undefined ? [] : [this.#channel.pid];
  }

  close(): void {
    this.#channel.close();
  }
}

/** What a case gives. */
export interface Measured {
  readonly outcomes: readonly Outcome[];
  /** Cores that other processes kept busy meanwhile; NaN where that is not known. */
  readonly others: number;
}

/**
 * Starts all subjects, then lets them take turns. Every second round goes backwards, so that nobody always follows the
 * same neighbour. The first round of each is thrown away.
 */
export async function measure(
  entries: readonly Entry[],
  { rounds, seconds }: Effort,
  progress: (what: string) => void = () => {},
): Promise<Measured> {
  const contenders: Contender[] = [];
  const meter = new OthersMeter();
  try {
    for (const entry of entries) {
      progress(`warming up ${entry.label}`);
      const contender = new Contender(entry);
      contenders.push(contender);
      await contender.start(); // one after the other: compiling on all cores would disturb the warm-up of the first
    }
    const least = Math.min(rounds, LEAST_ROUNDS);
    let end = Infinity;
    for (let i = -1; i < rounds && (i < least || performance.now() < end); i++) {
      progress(i < 0 ? 'first round' : `round ${i + 1} of at most ${rounds}`);
      if (i === 0) end = performance.now() + 1000 * seconds;
      for (const contender of i % 2 === 0 ? contenders : [...contenders].reverse()) await contender.round(i);
    }
    const others = meter.cores(contenders.flatMap(({ pid }) => pid));
    return { outcomes: contenders.map(({ outcome }) => outcome), others };
  } finally {
    for (const contender of contenders) contender.close();
  }
}

/** All samples of a name, in order. */
export function samplesOf({ rounds }: Outcome, name: string): number[] {
  return rounds.flatMap((series) => series[name] ?? []);
}
