import type { Plan, StepTimes } from './backend';
import { formatBytes, formatTable, kernelName, planSummary, stepBytes, stepFlops, stepName, stepShapes } from './explain';
import { profileChart } from './profile-chart';

/** One step of a plan, on the clock. */
export interface ProfiledStep {
  readonly kernel: string;
  readonly shapes: string;
  readonly milliseconds: number;
  /** Multiplications and additions. */
  readonly flops: number;
  /** Read and written. */
  readonly bytes: number;
  /** What it computes, in terms of the traced graph. */
  readonly from: string;
}

/** Where the time of one execution went: `String(profile)` is a table, `toSVG()` a picture. */
export class Profile {
  readonly steps: readonly ProfiledStep[];
  /** Of all steps. */
  readonly milliseconds: number;
  /** GFLOP/s that the machine's arithmetic could do, all threads together; NaN where the backend does not know. */
  readonly peak: number;
  readonly #summary: string;

  constructor(plan: Plan, { milliseconds, peak }: StepTimes, nodes: readonly string[]) {
    this.steps = plan.steps.map((step, i) => ({
      kernel: kernelName(step),
      shapes: stepShapes(step),
      milliseconds: milliseconds[i]!,
      flops: stepFlops(step),
      bytes: stepBytes(step),
      from: stepName(plan, nodes, i),
    }));
    this.milliseconds = milliseconds.reduce((sum, ms) => sum + ms, 0);
    this.peak = peak;
    this.#summary = planSummary(plan, nodes.length);
  }

  /** Time, arithmetic and bytes by kernel, most time first. */
  kernels(): { kernel: string; steps: number; milliseconds: number; flops: number; bytes: number }[] {
    const totals = new Map<string, { kernel: string; steps: number; milliseconds: number; flops: number; bytes: number }>();
    for (const { kernel, milliseconds, flops, bytes } of this.steps) {
      let total = totals.get(kernel);
      if (total === undefined) totals.set(kernel, (total = { kernel, steps: 0, milliseconds: 0, flops: 0, bytes: 0 }));
      total.steps++;
      total.milliseconds += milliseconds;
      total.flops += flops;
      total.bytes += bytes;
    }
    return [...totals.values()].sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** All steps in their order, then the sums by kernel. */
  toString(): string {
    const rates = (milliseconds: number, flops: number, bytes: number): string[] => {
      const speed = flops / milliseconds / 1e6;
      const share = (speed / this.peak) * 100;
      return [
        milliseconds.toFixed(3),
        `${((milliseconds / this.milliseconds) * 100).toFixed(1)} %`,
        Number.isFinite(speed) ? speed.toFixed(1) : '–',
        Number.isFinite(share) ? `${share.toFixed(1)} %` : '–',
        Number.isFinite(bytes / milliseconds) ? (bytes / milliseconds / 1e6).toFixed(1) : '–',
      ];
    };
    const columns = ['ms', 'share', 'GFLOP/s', 'of bound', 'GB/s'];
    const steps = this.steps.map(({ kernel, shapes, milliseconds, flops, bytes, from }, i) => [String(i), kernel, shapes, ...rates(milliseconds, flops, bytes), from]);
    const kernels = this.kernels().map(({ kernel, steps: count, milliseconds, flops, bytes }) => [kernel, String(count), ...rates(milliseconds, flops, bytes), formatBytes(bytes)]);
    const bound = Number.isFinite(this.peak) ? `; bound ${this.peak.toFixed(1)} GFLOP/s` : '';
    return [
      formatTable(['step', 'kernel', 'shapes', ...columns, 'from'], steps),
      '',
      formatTable(['kernel', 'steps', ...columns, 'moved'], kernels),
      '',
      `${this.milliseconds.toFixed(3)} ms: ${this.#summary}${bound}`,
    ].join('\n');
  }

  /** The steps along time, and the sums by kernel as bars: an SVG document. */
  toSVG(): string {
    return profileChart(this);
  }
}
