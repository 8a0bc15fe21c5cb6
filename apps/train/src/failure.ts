/** Something that the user can mend: shown as one line, without a stack. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** One line for any error; what is neither ours nor the system's is called by its class, as it may be a mistake of ours. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  const known = ['Failure', 'SafetensorsError', 'TokenizerError', 'OutOfMemory', 'Error'];
  return oneLine(known.includes(error.name) ? error.message : `${error.name}: ${error.message}`);
}

const oneLine = (text: string): string => text.trim().replace(/\s*[\r\n]+\s*/g, ' ');

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'it is read-only',
  ENOTDIR: 'a part of this path is not a folder',
  ENOENT: 'the system makes no folder there',
  EEXIST: 'a file has this name',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than this system allows',
  ENAMETOOLONG: 'its name is too long',
};

/** Why the system refused, in words where we have some. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons[code ?? ''] ?? code ?? oneLine(String(message ?? error));
}
