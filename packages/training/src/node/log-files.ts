import { closeSync, fsyncSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

import type { MetricsLog, MetricsRecord } from '../metrics';
import { encodeEvent, encodeFileVersion } from '../tensorboard';

/** Metrics in a file that grows, and can be cut. What is written is there at once for those who read along. */
abstract class FileLog implements MetricsLog {
  readonly #descriptor: number;
  protected length: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'a+');
    this.length = fstatSync(this.#descriptor).size;
  }

  abstract write(record: MetricsRecord): void;

  async sync(): Promise<number> {
    fsyncSync(this.#descriptor);
    return this.length;
  }

  /** A file that is shorter already, because somebody has changed it, stays as it is. */
  async truncate(length: number): Promise<void> {
    if (length >= this.length) return;
    ftruncateSync(this.#descriptor, length);
    this.length = length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  protected append(data: Uint8Array): void {
    for (let done = 0; done < data.length;) done += writeSync(this.#descriptor, data, done);
    this.length += data.length;
  }
}

/** Metrics as JSON, one record a line: `{"step":10,"loss":2.31}`. What is not finite is written as null. */
export class JsonLinesLog extends FileLog {
  override write(record: MetricsRecord): void {
    this.append(new TextEncoder().encode(`${JSON.stringify(record)}\n`));
  }
}

export interface TensorBoardLogOptions {
  /** Seconds since 1970; given, as this package reads no clock. */
  readonly now: () => number;
}

/** Metrics as a TensorBoard event file, whose name must contain `tfevents`. */
export class TensorBoardLog extends FileLog {
  constructor(
    path: string,
    readonly options: TensorBoardLogOptions,
  ) {
    super(path);
  }

  override write({ step, ...scalars }: MetricsRecord): void {
    const { now } = this.options;
    if (this.length === 0) this.append(encodeFileVersion(now()));
    this.append(encodeEvent(step, scalars, now()));
  }
}
