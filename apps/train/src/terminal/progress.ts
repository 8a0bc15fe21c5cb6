import cliProgress from 'cli-progress';

/** What one update is shown with. */
export interface StepReport {
  /** 1 after the first. */
  readonly step: number;
  /** In nats, before the update. */
  readonly loss: number;
  /** What the update has read, in the unit that is shown; padding not counted. */
  readonly tokens: number;
}

export interface ProgressOptions {
  readonly steps: number;
  /** Steps made before, by a run that goes on; 0 by default. */
  readonly from?: number;
  /** What is counted; tokens by default. */
  readonly unit?: string;
  /** Where to write; a bar if it is a terminal, else a line now and then. */
  readonly stream?: NodeJS.WriteStream;
  /** Seconds between lines. */
  readonly interval?: number;
  /** Seconds; the clock by default. */
  readonly now?: () => number;
}

/** How fast the shown loss follows the last one. */
const SMOOTHING = 0.05;

/** Loss, tokens per second and time left of a training run. */
export class Progress {
  readonly #steps: number;
  readonly #from: number;
  readonly #unit: string;
  readonly #stream: NodeJS.WriteStream;
  readonly #interval: number;
  readonly #now: () => number;
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #started: number;
  #lastLine: number;
  #tokens = 0;
  #loss: number | undefined;

  constructor({
    steps,
    from = 0,
    unit = 'tokens',
    stream = process.stdout,
    interval = 10,
    now = () => performance.now() / 1000,
  }: ProgressOptions) {
    this.#steps = steps;
    this.#from = from;
    this.#unit = unit;
    this.#stream = stream;
    this.#interval = interval;
    this.#now = now;
    this.#started = this.#lastLine = now();
    if (!stream.isTTY) return;
    // The bar's own estimate of the time left jumps with the lengths of batches, so we give ours.
    const format = `{bar} {percentage}% │ step {value}/{total} │ loss {loss} │ {speed} ${unit}/s │ {left} left`;
    const { shades_classic: preset } = cliProgress.Presets;
    this.#bar = new cliProgress.SingleBar({ format, stream, barsize: 24, hideCursor: true, fps: 5 }, preset);
    this.#bar.start(steps, from, { loss: '–', speed: '–', left: '–' });
  }

  update({ step, loss, tokens }: StepReport): void {
    this.#tokens += tokens;
    this.#loss = this.#loss === undefined ? loss : this.#loss + SMOOTHING * (loss - this.#loss);
    const now = this.#now();
    const seconds = Math.max(now - this.#started, 1e-3);
    const shown = {
      loss: this.#loss.toFixed(3),
      speed: String(Math.round(this.#tokens / seconds)),
      left: formatSeconds((seconds / (step - this.#from)) * (this.#steps - step)),
    };
    if (this.#bar !== undefined) {
      this.#bar.update(step, shown);
    } else if (step === this.#steps || now - this.#lastLine >= this.#interval) {
      this.#lastLine = now;
      const { speed, left } = shown;
      this.#stream.write(`step ${step}/${this.#steps}  loss ${shown.loss}  ${speed} ${this.#unit}/s  ${left} left\n`);
    }
  }

  /** Takes the bar off the terminal's hands; to be called in any case, so that the cursor comes back. */
  stop(): void {
    this.#bar?.stop();
  }

  get seconds(): number {
    return this.#now() - this.#started;
  }
}

/** `42 s`, `2:05 min`, `1:02:05 h` */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)} h`;
}

/** Shows how much of a task is done, where a person looks on. */
export async function withProgress<T>(
  unit: string,
  total: number,
  shown: boolean,
  task: (onProgress: (done: number) => void) => Promise<T>,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<T> {
  if (!shown || !stream.isTTY) return task(() => {});
  const format = `{bar} {percentage}% │ {value}/{total} ${unit} │ {eta_formatted} left`;
  const bar = new cliProgress.SingleBar(
    { format, stream, barsize: 24, hideCursor: true, clearOnComplete: true },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0);
  try {
    return await task((done) => bar.update(done));
  } finally {
    bar.stop();
  }
}
