/** `1:05 left`, in steps of five seconds, so that it does not flicker. */
export function formatLeft(seconds: number): string {
  if (seconds < 5) return 'nearly done';
  const rounded = 5 * Math.round(seconds / 5);
  return `about ${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, '0')} left`;
}

/** One line that changes, where somebody watches; one line for each case elsewhere. On stderr: tables go to stdout. */
export class Progress {
  #index = 0;
  #deadline = 0;
  #name = '';
  #timer: NodeJS.Timeout | undefined;
  #what = '';

  /** Seconds that each of the cases is expected to take. */
  constructor(
    private readonly expected: readonly number[],
    private readonly stream: NodeJS.WriteStream = process.stderr,
    private readonly now: () => number = () => performance.now(),
  ) {}

  begin(name: string): void {
    this.#deadline = this.now() + 1000 * this.expected[this.#index];
    this.#index++;
    this.#name = name;
    if (!this.stream.isTTY) this.stream.write(`${this.#line('')}\n`);
    else this.#timer = setInterval(() => this.#draw(), 1000);
  }

  show(what: string): void {
    this.#what = what;
    this.#draw();
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.stream.isTTY) this.stream.write('\r\x1b[K');
  }

  #line(what: string): string {
    const later = this.expected.slice(this.#index).reduce((sum, seconds) => sum + seconds, 0);
    const left = Math.max(0, (this.#deadline - this.now()) / 1000) + later;
    return [
      `[${this.#index}/${this.expected.length}] ${this.#name}`,
      ...(what === '' ? [] : [what]),
      formatLeft(left),
    ].join(' · ');
  }

  #draw(): void {
    if (this.stream.isTTY)
      this.stream.write(`\r\x1b[K${this.#line(this.#what).slice(0, (this.stream.columns ?? 80) - 1)}`);
  }
}
