import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Facts, Message, Series } from './subject';

/** What to run, and under which Node. */
export interface Entry {
  readonly label: string;
  /** Name of a module in `subjects/`. */
  readonly module: string;
  readonly argument?: string;
  readonly node: { readonly version: string; readonly path: string };
}

/** All that one subject measured. */
export interface Outcome {
  readonly label: string;
  readonly node: string;
  readonly facts: Facts;
  /** One record per round; for pairing with other subjects. */
  readonly rounds: readonly Series[];
  /** Why there are no figures. */
  readonly failure?: string;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A subject's process. Every request is answered by one message. */
class Child {
  readonly rounds: Series[] = [];
  facts: Facts = {};
  failure: string | undefined;
  readonly #process: ChildProcess;
  #answer: ((message: Message) => void) | undefined;
  #errors = '';

  constructor(readonly entry: Entry) {
    const { module, argument = '', node } = entry;
    const source = module.endsWith('.ts');
    this.#process = fork(here('./child.mjs'), [here(`./subjects/${module}`), argument], {
      execPath: node.path,
      // Our own sources need the loader and the condition under which packages are their sources.
      execArgv: source ? ['--conditions=@qkv/source', '--import', import.meta.resolve('tsx')] : [],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.#process.stderr!.on('data', (chunk: Buffer) => (this.#errors = `${this.#errors}${chunk}`.slice(-4000)));
    this.#process.on('message', (message: Message) => this.#answered(message));
    this.#process.on('error', (error) => this.#answered({ kind: 'failed', message: error.message }));
    this.#process.on('close', (code, signal) => {
      const reason =
        this.#errors.split('\n').find((line) => line.includes('Error')) ?? `ended with ${signal ?? `code ${code}`}`;
      this.#answered({ kind: 'failed', message: reason.trim() });
    });
  }

  #answered(message: Message): void {
    if (message.kind === 'failed') this.failure ??= message.message;
    this.#answer?.(message);
    this.#answer = undefined;
  }

  #next(): Promise<Message> {
    return new Promise((resolve) => (this.#answer = resolve));
  }

  async start(): Promise<void> {
    const message = await this.#next();
    if (message.kind === 'ready') this.facts = message.facts;
  }

  async round(keep: boolean): Promise<void> {
    if (this.failure !== undefined) return;
    this.#process.send('round');
    const message = await this.#next();
    if (message.kind === 'samples' && keep) this.rounds.push(message.series);
  }

  get outcome(): Outcome {
    const { entry, facts, rounds, failure } = this;
    return {
      label: entry.label,
      node: entry.node.version,
      facts,
      rounds,
      ...(failure === undefined ? {} : { failure }),
    };
  }

  close(): void {
    if (this.#process.connected) this.#process.disconnect();
    this.#process.kill();
  }
}

/**
 * Starts all subjects, then lets them take turns. Every second round goes backwards, so that nobody always follows the
 * same neighbour. The first round of each is thrown away.
 */
export async function measure(
  entries: readonly Entry[],
  rounds: number,
  progress: (done: number) => void,
): Promise<Outcome[]> {
  const children: Child[] = [];
  try {
    for (const entry of entries) {
      const child = new Child(entry);
      children.push(child);
      await child.start(); // one after the other: compiling on all cores would disturb the warm-up of the first
    }
    for (let i = -1; i < rounds; i++) {
      for (const child of i % 2 === 0 ? children : [...children].reverse()) await child.round(i >= 0);
      progress(i + 1);
    }
    return children.map((child) => child.outcome);
  } finally {
    for (const child of children) child.close();
  }
}

/** All samples of a name, in order. */
export function samplesOf({ rounds }: Outcome, name: string): number[] {
  return rounds.flatMap((series) => series[name] ?? []);
}
