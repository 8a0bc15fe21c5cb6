const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Ctrl-C and its like: the first asks for a clean stop, the second does not ask. */
export class Interruption {
  #signal: keyof typeof EXIT_CODES | undefined;

  constructor() {
    for (const signal of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
      process.on(signal, () => {
        if (this.#signal !== undefined) process.exit(EXIT_CODES[signal]);
        this.#signal = signal;
      });
    }
  }

  get happened(): boolean {
    return this.#signal !== undefined;
  }

  /** Says so, and lets the process end with the signal's exit code. */
  end(message: string): void {
    console.log(`\n${message}`);
    process.exitCode = EXIT_CODES[this.#signal ?? 'SIGINT'];
  }
}
