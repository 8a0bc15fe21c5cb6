import type { MetricsRecord } from '@qkv/training';

/** A run and its metrics. */
export interface NamedMetrics {
  readonly name: string;
  readonly records: readonly MetricsRecord[];
}

/** Points drawn of each curve: more cannot be told apart, and make large files. */
const MAX_POINTS = 400;

interface Panel {
  readonly title: string;
  /** Metric, and what it is called. */
  readonly series: readonly (readonly [metric: string, label: string])[];
}

/** Loss, scores, learning rate. Scores are whatever was validated, beside the loss. */
function panelsOf(runs: readonly NamedMetrics[]): Panel[] {
  const names = new Set(runs.flatMap(({ records }) => records.flatMap((record) => Object.keys(record))));
  const scores = [...names].filter((name) => name.startsWith('validation/') && name !== 'validation/loss');
  const areErrors = scores.every((name) => name.endsWith('-error-rate'));
  const label = (name: string): string =>
    name.replace('validation/', '').replace('-error-rate', '').replaceAll('-', ' ');
  return [
    {
      title: 'loss, nats',
      series: [
        ['loss', 'training'],
        ['validation/loss', 'validation'],
      ],
    },
    {
      title: `${areErrors ? 'error rates' : 'scores'} on validation data, %`,
      series: scores.map((name) => [name, label(name)]),
    },
    { title: 'learning rate', series: [['learningRate', 'learning rate']] },
  ];
}

/** Curves of one run or several as SVG: loss, scores, learning rate, over the steps. */
export async function drawCurves(runs: readonly NamedMetrics[]): Promise<string> {
  // Half a second to load, so only now.
  const { init } = await import('echarts');
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 860 });
  const height = 200;
  const top = (i: number): number => 50 + i * (height + 75);
  const panels = panelsOf(runs);
  const factor = (panel: number): number => (panel === 1 ? 100 : 1);
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: panels.map(({ title }, i) => ({ text: title, left: 60, top: top(i) - 32, textStyle: { fontSize: 13 } })),
    legend: { bottom: 0, type: 'plain', itemGap: 50 },
    grid: panels.map((_, i) => ({ left: 70, right: 30, top: top(i), height })),
    xAxis: panels.map((_, i) => ({
      gridIndex: i,
      type: 'value',
      name: 'step',
      min: 0,
      nameLocation: 'middle',
      nameGap: 26,
    })),
    yAxis: panels.map((_, i) => ({ gridIndex: i, type: 'value', scale: true })),
    series: panels.flatMap(({ series }, i) =>
      runs.flatMap(({ name, records }) =>
        series.map(([metric, label]) => ({
          type: 'line',
          name: runs.length > 1 ? `${name}: ${label}` : label,
          xAxisIndex: i,
          yAxisIndex: i,
          showSymbol: false,
          data: points(records, metric).map(([step, value]) => [step, value * factor(i)]),
        })),
      ),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** (step, value) of a metric; where there are too many, means of neighbours. */
function points(records: readonly MetricsRecord[], metric: string): [number, number][] {
  const all = records.flatMap((record): [number, number][] =>
    Number.isFinite(record[metric]) ? [[record.step, record[metric]]] : [],
  );
  const size = Math.ceil(all.length / MAX_POINTS);
  if (size <= 1) return all;
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => {
    const group = all.slice(i * size, (i + 1) * size);
    return [group.at(-1)![0], group.reduce((sum, [, value]) => sum + value, 0) / group.length];
  });
}
