/** What subjects that tokenize have in common. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { timed } from './jobs.mjs';
import { TOKENIZING } from './workload.mjs';

/**
 * @typedef {{ name: string, run: () => unknown }} Task timed by itself, in milliseconds
 * @typedef {{ encode: (lines: string[]) => number | Promise<number> }} Encoder gives the number of tokens
 */

const BATCH = 1000;

/**
 * Encodes the lines with each tokenizer, or a part of them where the library is slow: times are per megabyte (10^6 bytes of
 * UTF-8). How many tokens there were must be the same for all.
 *
 * @param {string} folder
 * @param {(json: string) => Encoder | Promise<Encoder>} load
 * @param {{ about: string, part?: number, tasks?: Task[] }} options
 * @returns {Promise<import('./subject').Subject>}
 */
export async function tokenizingSubject(folder, load, { about, part = 1, tasks = [] }) {
  const all = readFileSync(join(folder, 'lines.txt'), 'utf8').split('\n');
  const lines = all.slice(0, Math.ceil(all.length * part));
  const megabytes = lines.reduce((bytes, line) => bytes + Buffer.byteLength(line), 0) / 1e6;
  /** @type {import('./subject').Facts} */
  const facts = { about, megabytes: megabytes.toFixed(1) };
  /** @type {{ name: string, encoder: Encoder }[]} */
  const encoders = [];
  for (const [i, name] of TOKENIZING.tokenizers.entries()) {
    encoders.push({ name, encoder: await load(readFileSync(join(folder, `${i}.json`), 'utf8')) });
  }
  const encodeAll = async (/** @type {Encoder} */ encoder, /** @type {string[]} */ some) => {
    let tokens = 0;
    for (let at = 0; at < some.length; at += BATCH) tokens += await encoder.encode(some.slice(at, at + BATCH));
    return tokens;
  };
  for (const { name, encoder } of encoders) {
    facts[`tokens ${name}`] = await encodeAll(encoder, all.slice(0, 20_000));
  }
  for (const { run } of tasks) await run();
  return {
    facts,
    async round() {
      /** @type {import('./subject').Series} */
      const series = {};
      for (const { name, encoder } of encoders) {
        // While others have their turn, V8 drops the machine code of a process that is idle.
        await encodeAll(encoder, all.slice(-20_000));
        const { ms } = await timed(() => encodeAll(encoder, lines));
        series[`${name} ms`] = [ms / megabytes];
      }
      for (const { name, run } of tasks) series[`${name} ms`] = [(await timed(run)).ms];
      return series;
    },
  };
}
