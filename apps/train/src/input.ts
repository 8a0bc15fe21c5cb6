import { readBytes } from './data/data-file';
import { Failure, systemReason } from './failure';

/** What the user gives a command: a file, or standard input. */
export interface Input {
  /** As errors call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export async function readInput(path: string | undefined): Promise<Input> {
  if (path !== undefined) return { name: path, bytes: await readBytes(path) };
  const name = 'standard input';
  try {
    return { name, bytes: await readAll(process.stdin) };
  } catch (error) {
    throw new Failure(`cannot read ${name}: ${systemReason(error, 'read')}`, { cause: error });
  }
}

/** Its lines, without their ends. @throws Failure if it is not UTF-8. */
export async function readInputLines(path: string | undefined): Promise<{ name: string; lines: string[] }> {
  const { name, bytes } = await readInput(path);
  return { name, lines: linesOf(name, bytes) };
}

export function linesOf(name: string, bytes: Uint8Array): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Failure(`${name} is not UTF-8; convert it first (iconv -t UTF-8)`);
  }
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

async function readAll(stream: NodeJS.ReadStream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
