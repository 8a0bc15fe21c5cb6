import { readFileSync } from 'node:fs';

import type { MetricsLog, MetricsRecord } from '@qkv/training';

/** Adds the seconds of training to what is written, those before a resume included. Its inner log writes JSON lines. */
export class TimedLog implements MetricsLog {
  #before = 0;
  readonly #begun = performance.now();

  constructor(
    readonly inner: MetricsLog,
    /** The file that the inner log writes. */
    readonly path: string,
  ) {}

  /** Of training, in all sessions. */
  get seconds(): number {
    return this.#before + (performance.now() - this.#begun) / 1000;
  }

  write(record: MetricsRecord): void {
    this.inner.write({ ...record, seconds: Math.round(this.seconds * 1000) / 1000 });
  }

  sync(): Promise<number> {
    return this.inner.sync();
  }

  async truncate(length: number): Promise<void> {
    await this.inner.truncate(length);
    this.#before = readMetrics(this.path).at(-1)?.seconds ?? 0;
  }
}

/** The records of a metrics file. A last line without an end belongs to a run that is writing, or was killed: it is left out. */
export function readMetrics(path: string): MetricsRecord[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      try {
        const record = JSON.parse(line) as MetricsRecord;
        return Number.isFinite(record?.step) ? [record] : [];
      } catch {
        return []; // of another program, or damaged: the others are still worth seeing
      }
    });
}
