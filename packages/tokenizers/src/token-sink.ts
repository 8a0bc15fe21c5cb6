/** Where models put tokens: growing columns of ids and ranges, used again for each text. */
export class TokenSink {
  ids = new Int32Array(256);
  starts = new Int32Array(256);
  ends = new Int32Array(256);
  length = 0;
  /** The written form of tokens that are not what their id says: unknown pieces of Unigram. */
  readonly texts = new Map<number, string>();

  push(id: number, start: number, end: number): void {
    const at = this.length;
    if (at === this.ids.length) this.grow();
    this.ids[at] = id;
    this.starts[at] = start;
    this.ends[at] = end;
    this.length = at + 1;
  }

  /** As `push`, for a token whose written form is not that of its id. */
  pushText(id: number, start: number, end: number, text: string): void {
    this.texts.set(this.length, text);
    this.push(id, start, end);
  }

  clear(): void {
    this.length = 0;
    if (this.texts.size > 0) this.texts.clear();
  }

  private grow(): void {
    const double = (column: Int32Array) => {
      const larger = new Int32Array(2 * column.length);
      larger.set(column);
      return larger;
    };
    this.ids = double(this.ids);
    this.starts = double(this.starts);
    this.ends = double(this.ends);
  }
}
