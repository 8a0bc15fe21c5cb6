/** The words of `assembly/walk.ts` through which host and workers talk, as indices of 32-bit words. */
const JOB = 2048 / 4;
const RECORDS = 2052 / 4;
const FROM = 2056 / 4;
const TO = 2060 / 4;
const SLOTS = 2064 / 4;
const TIMES = 2068 / 4;
const SPINS = 2072 / 4;
const ROUNDS = 2076 / 4;
const UNTIL = 2080 / 4;
const COUNTER = 2084 / 4;
const DONE = 2088 / 4;
const FAILED = 2304 / 4;

/** Looks at a barrier before going to sleep: some ten microseconds. */
const PATIENCE = 20_000;

/** Milliseconds for workers to start in: something else may be where their code should be. */
const START = 20_000;

/** What a worker runs. It is text, so that it needs no file: a page may fetch the same from a URL (`worker.js`). */
export const WORKER_SOURCE = `const start = ({ module, memory, part, parts }, post) => {
  const env = { memory, now: () => performance.now() };
  const { work } = new WebAssembly.Instance(module, { env }).exports;
  const words = new Int32Array(memory.buffer, 0, 1024);
  const [JOB, SPINS] = [512, 518];
  post('ready');
  for (let job = 1; ; job = (job + 1) | 0) {
    for (let i = words[SPINS]; i > 0 && Atomics.load(words, JOB) !== job; i--);
    while (Atomics.load(words, JOB) !== job) Atomics.wait(words, JOB, (job - 1) | 0);
    const code = work(part, parts);
    if (part === 0) post(code);
  }
};
const node = globalThis.process?.getBuiltinModule?.('node:worker_threads');
if (node?.parentPort) start(node.workerData, (message) => node.parentPort.postMessage(message));
else onmessage = ({ data }) => start(data, (message) => postMessage(message));
`;

/** A worker, in Node or in a page. */
interface Worker {
  /** Whether the process stays alive for it. */
  hold(on: boolean): void;
  end(): void;
}

interface Events {
  message(message: unknown): void;
  lost(reason: string): void;
}

interface NodeWorker {
  on(event: string, listener: (value: never) => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}
interface NodeThreads {
  readonly Worker: new (source: string, options: object) => NodeWorker;
}
interface WebWorker {
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: { message?: string; preventDefault(): void }) => void) | null;
  onmessageerror: (() => void) | null;
  postMessage(message: unknown): void;
  terminate(): void;
}
interface Host {
  readonly process?: { getBuiltinModule?: (name: string) => unknown };
  readonly Worker?: new (url: string | URL) => WebWorker;
  readonly Blob: new (parts: string[], options: { type: string }) => object;
  readonly URL: { createObjectURL(blob: object): string; revokeObjectURL(url: string): void };
}
const host = globalThis as unknown as Host;

function startWorker(data: object, url: string | URL | undefined, events: Events): Worker {
  const threads = host.process?.getBuiltinModule?.('node:worker_threads') as NodeThreads | undefined;
  if (threads !== undefined) {
    // Without the loaders of the process: they would be loaded again in each worker.
    const worker = new threads.Worker(WORKER_SOURCE, { eval: true, workerData: data, execArgv: [], name: 'qkv' });
    worker.on('message', (message) => events.message(message));
    worker.on('error', ({ message }: Error) => events.lost(message));
    worker.on('exit', (code: number) => events.lost(`it ended with code ${code}`));
    worker.unref();
    return { hold: (on) => (on ? worker.ref() : worker.unref()), end: () => void worker.terminate() };
  }
  const blob = new host.Blob([WORKER_SOURCE], { type: 'text/javascript' });
  const from = url ?? host.URL.createObjectURL(blob);
  const worker = new host.Worker!(from);
  worker.onmessage = ({ data: message }) => {
    if (url === undefined) host.URL.revokeObjectURL(from as string); // only now: it has been loaded
    events.message(message);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    events.lost(event.message ?? 'it could not be started');
  };
  worker.onmessageerror = () => events.lost('it could not read its memory');
  worker.postMessage(data);
  return { hold: () => {}, end: () => worker.terminate() };
}

/** One job: records `from` … `to`−1, once unless there are rounds. */
export interface Job {
  readonly records: number;
  readonly from: number;
  readonly to: number;
  readonly slots: number;
  /** Where each record's moment of completion goes; 0: nowhere. */
  readonly times: number;
  readonly rounds?: number;
  /** Address of a word that ends the rounds when it is not 0, and of one to increment after each; 0: none. */
  readonly until?: number;
  readonly counter?: number;
}

/**
 * Workers that walk step lists together, one job at a time; the host never waits but for a message. Those that have
 * nothing to do keep no process alive. When one of them is lost, all are: what they were doing cannot be finished.
 */
export class Team {
  readonly lost: Promise<Error>;
  readonly #words: Int32Array;
  readonly #workers: Worker[];
  #pending: { resolve(code: number): void; reject(error: Error): void } | null = null;
  #error: Error | null = null;
  #lose: (error: Error) => void = () => {};

  private constructor(memory: WebAssembly.Memory, start: (team: Team) => Worker[]) {
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    this.#words = new Int32Array(memory.buffer, 0, 1024);
    this.#workers = start(this);
  }

  /** Resolves when all workers are there; rejects if one of them cannot be started. */
  static async start(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    parts: number,
    cores: number,
    url?: string | URL,
  ): Promise<Team> {
    let missing = parts;
    let ready = (): void => {};
    const all = new Promise<void>((resolve) => (ready = resolve));
    const team = new Team(memory, (self) => {
      // Whoever waits takes the core from whom it waits for, if there are more walkers than cores.
      self.#words[SPINS] = parts <= cores ? PATIENCE : 0;
      return Array.from({ length: parts }, (_, part) =>
        startWorker({ module, memory, part, parts }, url, {
          message: (message) => {
            if (message !== 'ready') self.#done(message as number);
            else if (--missing === 0) ready();
          },
          lost: (reason) => self.stop(new Error(`worker ${part} of the wasm backend is lost: ${reason}`)),
        }),
      );
    });
    team.#hold(true);
    const late = setTimeout(
      () => team.stop(new Error(`a worker of the wasm backend has not started within ${START / 1000} s`)),
      START,
    );
    const failure = await Promise.race([all, team.lost]);
    clearTimeout(late);
    if (failure !== undefined) throw failure;
    team.#hold(false);
    return team;
  }

  /** Throws if a worker is lost, or at work: nothing may be touched that it reads. */
  requireIdle(): void {
    if (this.#error !== null) throw this.#error;
    if (this.#pending !== null) throw new Error('the wasm backend does one thing at a time: await the run before');
  }

  /** 0, or 1 if a kernel has failed. Rejects if a worker is lost before it is done. */
  run({ records, from, to, slots, times, rounds = 1, until = 0, counter = 0 }: Job): Promise<number> {
    const words = this.#words;
    words[RECORDS] = records;
    words[FROM] = from;
    words[TO] = to;
    words[SLOTS] = slots;
    words[TIMES] = times;
    words[ROUNDS] = rounds;
    words[UNTIL] = until;
    words[COUNTER] = counter;
    words[FAILED] = 0;
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#hold(true);
      Atomics.add(words, JOB, 1);
      Atomics.notify(words, JOB);
    });
  }

  /** How many rounds the last job took. */
  get rounds(): number {
    return this.#words[DONE];
  }

  /** Ends all workers, in the middle of what they do. */
  stop(error: Error): void {
    if (this.#error !== null) return;
    this.#error = error;
    this.#pending?.reject(error);
    this.#pending = null;
    for (const worker of this.#workers) worker.end();
    this.#lose(error);
  }

  #done(code: number): void {
    this.#hold(false);
    this.#pending?.resolve(code);
    this.#pending = null;
  }

  /** One worker suffices to keep the process alive. */
  #hold(on: boolean): void {
    this.#workers[0].hold(on);
  }
}
