import { closeSync, fsyncSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

import type { MetricsLog, MetricsRecord } from '../metrics';
import { encodeEvent, encodeFileVersion } from '../tensorboard';

/** A file that grows, and can be cut. What is written is there at once for those who read along. */
class LogFile {
  readonly #descriptor: number;
  #length: number;

  constructor(readonly path: string) {
    this.#descriptor = openSync(path, 'a+');
    this.#length = fstatSync(this.#descriptor).size;
  }

  get length(): number {
    return this.#length;
  }

  append(data: Uint8Array): void {
    for (let done = 0; done < data.length;) done += writeSync(this.#descriptor, data, done);
    this.#length += data.length;
  }

  /** A file that is shorter already, because somebody has changed it, stays as it is. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    ftruncateSync(this.#descriptor, length);
    this.#length = length;
  }

  synchronise(): void {
    fsyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Metrics as JSON, one record a line: `{"step":10,"loss":2.31}`. What is not finite is written as null. */
export class JsonLinesLog implements MetricsLog {
  readonly #file: LogFile;

  constructor(path: string) {
    this.#file = new LogFile(path);
  }

  write(record: MetricsRecord): void {
    this.#file.append(new TextEncoder().encode(`${JSON.stringify(record)}\n`));
  }

  async sync(): Promise<number> {
    this.#file.synchronise();
    return this.#file.length;
  }

  async truncate(length: number): Promise<void> {
    this.#file.truncate(length);
  }

  close(): void {
    this.#file.close();
  }
}

export interface TensorBoardLogOptions {
  /** Seconds since 1970; given, as this package reads no clock. */
  readonly now: () => number;
}

/** Metrics as a TensorBoard event file, whose name must contain `tfevents`. */
export class TensorBoardLog implements MetricsLog {
  readonly #file: LogFile;

  constructor(
    path: string,
    readonly options: TensorBoardLogOptions,
  ) {
    this.#file = new LogFile(path);
  }

  write({ step, ...scalars }: MetricsRecord): void {
    const { now } = this.options;
    if (this.#file.length === 0) this.#file.append(encodeFileVersion(now()));
    this.#file.append(encodeEvent(step, scalars, now()));
  }

  async sync(): Promise<number> {
    this.#file.synchronise();
    return this.#file.length;
  }

  async truncate(length: number): Promise<void> {
    this.#file.truncate(length);
  }

  close(): void {
    this.#file.close();
  }
}
