/** Data that are not in their format. The message is one line: where it is wrong, and how to mend it. */
export class DataFormatError extends Error {
  override readonly name = 'DataFormatError';

  constructor(
    message: string,
    /** 1 for the first; undefined if the error is about the whole file. */
    readonly line?: number,
    /** The `name` that was given with the data. */
    readonly file?: string,
  ) {
    super(
      [file, line === undefined ? undefined : `line ${line}`, message].filter((part) => part !== undefined).join(': '),
    );
  }
}
