/** SIGPIPE is what `main.ts` makes of an output that nobody reads any more. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGPIPE: 141 } as const;

/** Ctrl-C and its like: the first asks for a clean stop, the second does not ask. */
export class Interruption {
  readonly #controller = new AbortController();
  #received: keyof typeof EXIT_CODES = 'SIGINT';

  constructor() {
    for (const signal of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
      process.on(signal, () => {
        if (this.happened && signal === 'SIGPIPE') return; // it comes with every line that follows
        if (this.happened) process.exit(EXIT_CODES[signal]);
        this.#received = signal;
        this.#controller.abort();
      });
    }
  }

  /** Aborted by the first. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get happened(): boolean {
    return this.signal.aborted;
  }

  /** Lets the process end with the signal's exit code. */
  end(): void {
    process.exitCode = EXIT_CODES[this.#received];
  }
}
