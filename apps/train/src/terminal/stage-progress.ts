import cliProgress from 'cli-progress';

import { formatSeconds } from './progress';

/** Where a task of several stages is. */
export interface StageReport {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

export interface StageProgressOptions {
  /** Where to write; a bar if it is a terminal, else a line now and then. */
  readonly stream?: NodeJS.WriteStream;
  /** Seconds between lines. */
  readonly interval?: number;
  /** Seconds; the clock by default. */
  readonly now?: () => number;
}

/** Where a task is that holds the thread: it is shown when the task reports, and Ctrl-C needs nobody's help to end it. */
export class StageProgress {
  readonly #stream: NodeJS.WriteStream;
  readonly #interval: number;
  readonly #now: () => number;
  readonly #bar: cliProgress.SingleBar | undefined;
  #stage: string | undefined;
  #begun = 0;
  #lastLine: number;

  constructor({
    stream = process.stderr,
    interval = 10,
    now = () => performance.now() / 1000,
  }: StageProgressOptions = {}) {
    this.#stream = stream;
    this.#interval = interval;
    this.#now = now;
    this.#lastLine = now();
    if (!stream.isTTY) return;
    const format = '{stage} {bar} {percentage}% │ {left} left';
    // Whoever ends the process meanwhile finds the terminal as it was: nothing of it is switched off.
    this.#bar = new cliProgress.SingleBar(
      { format, stream, barsize: 16, clearOnComplete: true, gracefulExit: false, linewrap: true, fps: 5 },
      cliProgress.Presets.shades_classic,
    );
  }

  update({ stage, done, total }: StageReport): void {
    const now = this.#now();
    if (stage !== this.#stage) {
      this.#bar?.stop();
      this.#bar?.start(total, 0, { stage, left: '–' });
      this.#stage = stage;
      this.#begun = now;
    }
    const left = done > 0 ? formatSeconds(((now - this.#begun) / done) * (total - done)) : '–';
    if (this.#bar !== undefined) {
      this.#bar.setTotal(total);
      this.#bar.update(done, { stage, left });
    } else if (now - this.#lastLine >= this.#interval) {
      this.#lastLine = now;
      this.#stream.write(`${stage} ${done}/${total}  ${left} left\n`);
    }
  }

  /** Takes the bar off the terminal's hands. */
  stop(): void {
    this.#bar?.stop();
    this.#stage = undefined;
  }
}
