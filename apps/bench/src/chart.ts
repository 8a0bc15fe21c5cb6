import type { ECharts } from 'echarts';

import type { Report } from './case';
import type { Machine } from './machine';
import { DISTURBED } from './others';
import type { Bar } from './report/bar';

export interface Panel {
  readonly title: string;
  readonly report: Pick<Report, 'bars'>;
  /** Cores that others kept busy meanwhile. */
  readonly others: number;
}

const WIDTH = 1000;
/** Of a bar with its share of the gap, of what stands above and below a panel, and of the head. */
const [LINE, ABOVE, BELOW, HEAD] = [11, 44, 40, 108];
/** Of each subject, in the order of their names; dark enough on white, light enough on black. */
const COLOURS = ['#3b82c4', '#d9822b', '#3f9d64', '#a667c0', '#c94f4f', '#8a8420', '#2a9aa5', '#8a6d5b'];
/** Text and lines, the grid, the ground: on light, and what takes their place on dark. */
const [INK, FAINT, PAPER] = ['#24292f', '#8b949e', '#ffffff'];
const DARK = { [INK]: '#e6edf3', [FAINT]: '#6e7681', [PAPER]: '#0d1117' };

/** Colours that follow the reader's scheme. They stay attributes for readers that know no style sheets. */
export function themed(svg: string): string {
  const rules = Object.entries(DARK).flatMap(([light, dark]) =>
    ['fill', 'stroke'].map((attribute) => `[${attribute}="${light}"]{${attribute}:${dark}}`),
  );
  return svg.replace(/(<svg[^>]*>)/, `$1\n<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`);
}

/** Ratios of all cases that have some: bars from 1, which is qkv, with a line from the first quartile to the third. */
export async function drawChart(panels: readonly Panel[], machine: Pick<Machine, 'cpu' | 'cores'>): Promise<string> {
  const { init } = await import('echarts');
  const shown = panels.filter(({ report }) => report.bars.length > 0);
  const layout = shown.map(({ title: name, others, report: { bars } }) => {
    const title = others > DISTURBED ? `${name} — others kept ${others.toFixed(1)} cores busy` : name;
    const items = [...new Set(bars.map(({ item }) => item))];
    const subjects = [...new Set(bars.map(({ subject }) => subject))];
    return { title, bars, items, subjects, height: items.length * (subjects.length * LINE + 8) };
  });
  const subjects = [...new Set(layout.flatMap((panel) => panel.subjects))].sort();
  const colourOf = (subject: string): string => COLOURS[subjects.indexOf(subject) % COLOURS.length];
  const total = layout.reduce((sum, { height }) => sum + height + ABOVE + BELOW, HEAD) + 10;

  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: total });
  let top = HEAD;
  const placed = layout.map((panel) => {
    const at = top + ABOVE;
    top = at + panel.height + BELOW;
    return { ...panel, at };
  });
  const head = [
    { text: 'Time of others ÷ time of qkv', left: 20, top: 12, textStyle: { color: INK, fontSize: 18 } },
    {
      text: `Right of 1 we are faster, left of it slower. Bars: median of rounds that took turns; lines: quartiles.\n${machine.cpu}, ${machine.cores} cores`,
      left: 20,
      top: 38,
      textStyle: { color: INK, fontSize: 11, fontWeight: 'normal' as const },
    },
  ];
  chart.setOption({
    animation: false,
    backgroundColor: PAPER,
    title: [
      ...head,
      ...placed.map(({ title, at }) => ({
        text: title,
        left: 20,
        top: at - ABOVE + 10,
        textStyle: { color: INK, fontSize: 13 },
      })),
    ],
    legend: { top: 74, left: 16, data: subjects, itemGap: 20, textStyle: { color: INK }, itemWidth: 14 },
    grid: placed.map(({ at, height }) => ({ left: 210, right: 40, top: at, height })),
    xAxis: placed.map((_, i) => ({
      gridIndex: i,
      type: 'log',
      axisLabel: { color: INK },
      axisLine: { lineStyle: { color: FAINT } },
      splitLine: { lineStyle: { color: FAINT, opacity: 0.3 } },
    })),
    yAxis: placed.map(({ items }, i) => ({
      gridIndex: i,
      type: 'category',
      inverse: true,
      data: items,
      axisLabel: { color: INK, width: 180, overflow: 'truncate' as const },
      axisLine: { show: false },
      axisTick: { show: false },
    })),
    series: placed.flatMap((panel, i) => [
      ...panel.subjects.map((subject, s) => bars(panel, i, subject, s, colourOf(subject))),
      one(i),
    ]),
  } as Parameters<ECharts['setOption']>[0]);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${themed(svg)}\n`;
}

interface Placed {
  readonly bars: readonly Bar[];
  readonly items: readonly string[];
  readonly subjects: readonly string[];
}

interface Api {
  value(dimension: number): number;
  coord(data: readonly [number, number]): [number, number];
}

/** One subject's bars, each from 1 to its median, and a line between its quartiles. */
function bars(panel: Placed, index: number, subject: string, position: number, colour: string): object {
  const own = panel.bars.filter((bar) => bar.subject === subject);
  const offset = (position - (panel.subjects.length - 1) / 2) * LINE;
  return {
    type: 'custom',
    name: subject,
    xAxisIndex: index,
    yAxisIndex: index,
    itemStyle: { color: colour },
    encode: { x: [0, 1, 2], y: 3 },
    data: own.map(({ item, ratio }) => [ratio.median, ratio.q1, ratio.q3, panel.items.indexOf(item)]),
    renderItem: (_: unknown, api: Api) => {
      const row = api.value(3);
      const [x, y] = api.coord([api.value(0), row]);
      const [from, low, high] = [1, api.value(1), api.value(2)].map((value) => api.coord([value, row])[0]);
      const middle = y + offset;
      const shape = {
        x: Math.min(from, x),
        y: middle - LINE / 2 + 1,
        width: Math.max(1, Math.abs(x - from)),
        height: LINE - 2,
      };
      return {
        type: 'group',
        children: [
          { type: 'rect', shape, style: { fill: colour } },
          {
            type: 'line',
            shape: { x1: low, y1: middle, x2: high, y2: middle },
            style: { stroke: INK, lineWidth: 1.5 },
          },
        ],
      };
    },
  };
}

/** The line at 1, which is qkv. */
function one(index: number): object {
  return {
    type: 'line',
    xAxisIndex: index,
    yAxisIndex: index,
    data: [],
    markLine: {
      silent: true,
      symbol: 'none',
      label: { show: false },
      lineStyle: { color: INK, type: 'solid', width: 1.5 },
      data: [{ xAxis: 1 }],
    },
  };
}
