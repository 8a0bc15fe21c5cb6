/** Strings by their beginnings, over UTF-16 units: an open-addressing table of edges. Node 0 is the root. */
export class Trie {
  /** node, unit, child of each slot; node is -1 where a slot is free. */
  private edges = new Int32Array(3 * 1024).fill(-1);
  private mask = 1023;
  private count = 0;
  /** The value of the string that ends at each node; -1: none. */
  private values = new Int32Array(1024).fill(-1);
  private nodes = 1;

  set(key: string, value: number): void {
    let node = 0;
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      const next = this.child(node, unit);
      node = next >= 0 ? next : this.addChild(node, unit);
    }
    this.values[node] = value;
  }

  /** The node after `unit`, or -1. */
  child(node: number, unit: number): number {
    const { edges, mask } = this;
    for (let i = hash(node, unit) & mask; ; i = (i + 1) & mask) {
      const at = 3 * i;
      const owner = edges[at];
      if (owner === -1) return -1;
      if (owner === node && edges[at + 1] === unit) return edges[at + 2];
    }
  }

  valueAt(node: number): number {
    return this.values[node];
  }

  private addChild(node: number, unit: number): number {
    if (2 * (this.count + 1) > this.mask) this.grow();
    const child = this.nodes++;
    if (child === this.values.length) {
      const values = new Int32Array(2 * child).fill(-1);
      values.set(this.values);
      this.values = values;
    }
    this.enter(node, unit, child);
    this.count++;
    return child;
  }

  private enter(node: number, unit: number, child: number): void {
    let i = hash(node, unit) & this.mask;
    while (this.edges[3 * i] !== -1) i = (i + 1) & this.mask;
    this.edges.set([node, unit, child], 3 * i);
  }

  private grow(): void {
    const old = this.edges;
    this.mask = 2 * this.mask + 1;
    this.edges = new Int32Array(3 * (this.mask + 1)).fill(-1);
    for (let at = 0; at < old.length; at += 3) if (old[at] !== -1) this.enter(old[at], old[at + 1], old[at + 2]);
  }
}

function hash(node: number, unit: number): number {
  const h = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return h ^ (h >>> 15);
}
