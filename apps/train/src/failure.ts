/** Something that the user can mend: shown as one line, without a stack. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** Errors whose messages are written for users. */
const known = [
  'Failure',
  'DataFormatError',
  'WavError',
  'SafetensorsError',
  'TokenizerError',
  'TrainingError',
  'CheckpointError',
  'FolderLockedError',
  'OutOfMemory',
  'Error',
];

/** One line for any error; what is neither ours nor the system's is called by its class, as it may be a mistake of ours. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  if ((error as NodeJS.ErrnoException).syscall !== undefined) return oneLine(describeSystemError(error));
  return oneLine(known.includes(error.name) ? error.message : `${error.name}: ${error.message}`);
}

const oneLine = (text: string): string => text.trim().replace(/\s*[\r\n]+\s*/g, ' ');

const reasons: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of this path is not a folder',
  ENOENT: 'the system makes no folder there',
  EEXIST: 'a file has this name',
  EISDIR: 'it is a folder',
  EROFS: 'it is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is larger than this system allows',
  ENAMETOOLONG: 'its name is too long',
};
const reasonsToRead: Readonly<Record<string, string>> = { ...reasons, ENOENT: 'there is no such file' };

/** Why the system refused, in words where we have some. */
export function systemReason(error: unknown, purpose: 'read' | 'write' = 'write'): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM')
    return purpose === 'read' ? 'no permission to read it' : 'no permission to write there';
  return (purpose === 'read' ? reasonsToRead : reasons)[code] ?? (code || oneLine(String(message ?? error)));
}

/** An error of a system call, by the path it was about. */
function describeSystemError(error: NodeJS.ErrnoException): string {
  const { path, syscall = '' } = error;
  const reading = ['open', 'read', 'scandir', 'stat'].includes(syscall) && error.code === 'ENOENT';
  return `${path ?? syscall}: ${systemReason(error, reading ? 'read' : 'write')}`;
}
