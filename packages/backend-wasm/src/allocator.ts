/** Every block starts on a cache line. */
export const ALIGNMENT = 64;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * Blocks of one growing address range: best fit over a list of free ranges ordered by address; neighbours merge. The
 * lists are short, because engines allocate an arena and whole Variables, never tensors.
 */
export class Allocator {
  readonly #free: { start: number; bytes: number }[] = [];
  readonly #used = new Map<number, number>();
  #end: number;

  /** `grow(end)` makes the range reach `end`, or returns false. */
  constructor(
    start: number,
    private readonly grow: (end: number) => boolean,
  ) {
    this.#end = align(start);
  }

  /** Bytes in use. */
  get bytes(): number {
    let sum = 0;
    for (const bytes of this.#used.values()) sum += bytes;
    return sum;
  }

  /** The address of a new block, or −1 if the range cannot grow. */
  allocate(bytes: number): number {
    const size = align(Math.max(bytes, 1));
    let best = -1;
    this.#free.forEach((range, i) => {
      if (range.bytes >= size && (best < 0 || range.bytes < this.#free[best].bytes)) best = i;
    });
    let start: number;
    if (best >= 0) {
      const range = this.#free[best];
      start = range.start;
      range.start += size;
      range.bytes -= size;
      if (range.bytes === 0) this.#free.splice(best, 1);
    } else {
      const last = this.#free.at(-1);
      const touchesEnd = last !== undefined && last.start + last.bytes === this.#end;
      start = touchesEnd ? last.start : this.#end;
      if (!this.grow(start + size)) return -1;
      if (touchesEnd) this.#free.pop();
      this.#end = start + size;
    }
    this.#used.set(start, size);
    return start;
  }

  free(start: number): void {
    const bytes = this.#used.get(start);
    if (bytes === undefined) throw new Error(`no block starts at ${start}`);
    this.#used.delete(start);
    let i = this.#free.findIndex((range) => range.start > start);
    if (i < 0) i = this.#free.length;
    const before = this.#free[i - 1];
    const after = this.#free[i];
    const joinsBefore = before !== undefined && before.start + before.bytes === start;
    const joinsAfter = after !== undefined && start + bytes === after.start;
    if (joinsBefore && joinsAfter) {
      before.bytes += bytes + after.bytes;
      this.#free.splice(i, 1);
    } else if (joinsBefore) before.bytes += bytes;
    else if (joinsAfter) {
      after.start = start;
      after.bytes += bytes;
    } else this.#free.splice(i, 0, { start, bytes });
  }
}
