import { readFile } from 'node:fs/promises';

import { normalize } from '../data/task';
import { installEngine } from '../engine';
import { Failure, systemReason } from '../failure';
import { countUnknown, encodeSource } from '../model/evaluation';
import { Translator } from '../model/translator';
import { writeOutput } from '../output';
import { ROWS } from '../run/training';
import { loadRun } from '../run/weights';
import { withProgress } from '../terminal/progress';

export interface PredictOptions {
  readonly run: string;
  /** A source on each line; standard input by default. */
  readonly input?: string;
  /** A target on each line, for the source of that line; standard output by default. */
  readonly output?: string;
}

/** `predict`: the target of each line. */
export async function predict({ run, input, output }: PredictOptions): Promise<void> {
  const name = input ?? 'standard input';
  const lines = await readLines(input, name);
  await installEngine();
  const { model, config } = await loadRun(run);
  const texts = lines.map((line) => normalize(config.data.task, line));
  const sources = texts.map((text, i) => {
    const ids = encodeSource(model, text);
    if (ids.length <= model.maxSource) return ids;
    throw new Failure(`${name}, line ${i + 1}: ${ids.length} tokens, the model takes ${model.maxSource}`);
  });
  const unknown = countUnknown(model, texts);
  if (unknown > 0) console.error(`${unknown} of ${lines.length} lines have tokens that training did not see`);
  const translator = new Translator(model, Math.min(ROWS, Math.max(1, lines.length)));
  const results = await withProgress('lines', lines.length, output !== undefined, (onProgress) =>
    translator.translate(sources, { onProgress }),
  );
  const { target } = model.codecs;
  // Bytes of sub-words may spell the end of a line.
  const text = results.map((ids) => `${target.decode(ids).replace(/[\r\n]+/g, ' ')}\n`).join('');
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeOutput(output, text);
  console.log(`${lines.length} lines in ${output}`);
}

async function readLines(input: string | undefined, name: string): Promise<string[]> {
  let bytes: Uint8Array;
  try {
    bytes = input === undefined ? await readAll(process.stdin) : await readFile(input);
  } catch (error) {
    throw new Failure(`cannot read ${name}: ${systemReason(error, 'read')}`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Failure(`${name} is not UTF-8; convert it first (iconv -t UTF-8)`);
  }
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => line.trim()); // as in training pairs
}

async function readAll(stream: NodeJS.ReadStream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
