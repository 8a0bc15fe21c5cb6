/** Lets calls that share one state run one after the other. */
export class Turns {
  /** Settles, and never rejects, when the calls so far are done. */
  #tail: Promise<void> = Promise.resolve();
  /** Calls that are not done. */
  #calls = 0;

  /** `free` gives the state back. */
  constructor(private readonly free: () => void) {}

  /** Waits for the calls before; gives what ends this one. */
  async begin(): Promise<() => void> {
    this.#calls++;
    const before = this.#tail;
    let settle!: () => void;
    this.#tail = new Promise((resolve) => (settle = resolve));
    await before;
    return () => {
      this.#calls--;
      settle();
    };
  }

  /** Runs a job in its turn. What a failed one has left in the state is uncertain: the next begins with another. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    const end = await this.begin();
    try {
      return await job();
    } catch (error) {
      this.free();
      throw error;
    } finally {
      end();
    }
  }

  /** The same for what gives several results. A consumer that leaves ends the turn. */
  async *stream<T>(job: () => AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
    const end = await this.begin();
    try {
      yield* job();
    } catch (error) {
      this.free();
      throw error;
    } finally {
      end();
    }
  }

  /** Gives the state back once all calls are done. */
  release(): void {
    if (this.#calls === 0) this.free();
    else this.#tail = this.#tail.then(() => this.free());
  }
}
