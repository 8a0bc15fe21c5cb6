import type { Profile } from './profile';

const WIDTH = 960;
const LABELS = 260;
/** Room for the figures behind a bar. */
const FIGURES = 250;
const ROW = 20;
const STRIP = 48;
/** Kernels with a bar of their own. */
const BARS = 20;
/** Tell neighbours apart, on light and dark pages; by rank of the kernel. */
const COLOURS = ['#4477aa', '#ee6677', '#228833', '#ccbb44', '#66ccee', '#aa3377'];
const OTHERS = '#999999';

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const short = (text: string): string => (text.length > 32 ? `${text.slice(0, 31)}…` : text);

/** A strip with one cell per step, as wide as it took, above bars that add up the kernels. */
export function profileChart(profile: Profile): string {
  const kernels = profile.kernels();
  const colours = new Map(kernels.map(({ kernel }, rank) => [kernel, COLOURS[rank] ?? OTHERS]));
  const scale = WIDTH / Math.max(profile.milliseconds, Number.MIN_VALUE);
  let x = 0;
  const cells = profile.steps.map(({ kernel, shapes, milliseconds, from }, i) => {
    const width = milliseconds * scale;
    const title = `${i}: ${kernel} ${shapes}, ${milliseconds.toFixed(3)} ms\n${from}`;
    const cell = `<rect x="${x.toFixed(2)}" y="28" width="${width.toFixed(2)}" height="${STRIP}" fill="${colours.get(kernel)!}"><title>${escape(title)}</title></rect>`;
    x += width;
    return cell;
  });
  const longest = kernels[0]?.milliseconds || 1; // a coarse clock may have seen nothing
  const bars = kernels.slice(0, BARS).map(({ kernel, steps, milliseconds, flops }, i) => {
    const y = 28 + STRIP + 16 + i * ROW;
    const width = ((WIDTH - LABELS - FIGURES) * milliseconds) / longest;
    const speed = flops / milliseconds / 1e6;
    const bound = speed / profile.peak >= 0.01 ? `, ${((speed / profile.peak) * 100).toFixed(0)} % of the bound` : '';
    const share = ((milliseconds / profile.milliseconds) * 100).toFixed(1);
    return (
      `<text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${escape(short(kernel))} ×${steps}<title>${escape(kernel)}</title></text>` +
      `<rect x="${LABELS}" y="${y + 2}" width="${width.toFixed(2)}" height="${ROW - 4}" fill="${colours.get(kernel)!}"/>` +
      `<text x="${(LABELS + width + 6).toFixed(2)}" y="${y + 14}">${milliseconds.toFixed(2)} ms, ${share} %${bound}</text>`
    );
  });
  const height = 28 + STRIP + 16 + bars.length * ROW + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<style>text { fill: #222 } @media (prefers-color-scheme: dark) { text { fill: #ddd } }</style>',
    `<text x="0" y="16">${profile.steps.length} steps, ${profile.milliseconds.toFixed(2)} ms; each as wide as it took</text>`,
    ...cells,
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}
