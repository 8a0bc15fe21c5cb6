import { closeSync, openSync, writeSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

import { type StepReport, Progress } from './progress';

/** `text` for people, `json` for programs (one object a line), `quiet` for neither. */
export type OutputMode = 'text' | 'json' | 'quiet';

/** Where a command says what it does: on the terminal in its mode, and for people in a run's log. */
export class Reporter {
  #log: number | undefined;
  #progress: Progress | undefined;

  constructor(readonly mode: OutputMode) {}

  /** From here on, what is said also goes to this file. */
  logTo(path: string): void {
    this.#log = openSync(path, 'a');
  }

  /** A line for people. */
  say(text: string): void {
    if (this.mode === 'text') console.log(text);
    this.log(text);
  }

  /** A line for the log alone. */
  log(text: string): void {
    if (this.#log === undefined || text.trim() === '') return;
    // Colours are for terminals, and so are empty lines.
    const plain = stripVTControlCharacters(text).replace(/^\n+/, '').trimEnd();
    writeSync(this.#log, `${new Date().toISOString()} ${plain}\n`);
  }

  /** A line for programs: `{"event":"validation","step":800,…}`. */
  event(event: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.mode === 'json') console.log(JSON.stringify({ event, ...fields }));
  }

  /** What is not an error and should be seen in any mode: on the other stream, where it disturbs no program. */
  notice(text: string): void {
    console.error(text);
    this.log(text);
  }

  begin(steps: number, from: number, unit?: string): void {
    if (this.mode === 'text' && from < steps) this.#progress = new Progress({ steps, from, unit });
  }

  step(report: StepReport): void {
    this.#progress?.update(report);
  }

  /** Takes the progress off the terminal; to be called in any case, so that the cursor comes back. */
  end(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  close(): void {
    this.end();
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }
}
