import type { AttentionMap } from '../model/attention';

/** A cell's shade says which range its weight is in: below the first bound, below the second, … */
const SHADES = [' ', '░', '▒', '▓', '█'];
const BOUNDS = [0.1, 0.25, 0.5, 0.75];

/** Source across, target down, each cell shaded by its weight. Plain characters: it needs no colours. */
export function renderAttentionMap({ rows, columns, weights }: AttentionMap): string {
  const width = Math.max(...rows.map((row) => row.length));
  const heading = `${' '.repeat(width)}   ${columns.map((letter) => letter.padEnd(2)).join('')}`;
  const lines = rows.map((row, i) => `${row.padStart(width)} │ ${weights[i].map((w) => shade(w).repeat(2)).join('')}`);
  return [heading.trimEnd(), ...lines.map((line) => line.trimEnd()), '', legend()].join('\n');
}

function shade(weight: number): string {
  const level = BOUNDS.findIndex((bound) => weight < bound);
  return SHADES[level < 0 ? SHADES.length - 1 : level];
}

function legend(): string {
  const ranges = SHADES.slice(1).map((character, i) => {
    const from = `${character.repeat(2)} ${BOUNDS[i] * 100}`;
    return i + 1 < BOUNDS.length ? `${from}–${BOUNDS[i + 1] * 100} %` : `${from} % and more`;
  });
  return `share of a row's attention: blank below ${BOUNDS[0] * 100} %, ${ranges.join(', ')}`;
}
