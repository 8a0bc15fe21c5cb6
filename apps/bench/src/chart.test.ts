import { expect, test } from 'vitest';

import { drawChart, themed } from './chart';
import { summarize } from './statistics';

const bars = ['a', 'b'].flatMap((item) =>
  [
    ['fast', 0.5],
    ['slow', 4],
  ].map(([subject, ratio]) => ({
    item,
    subject: String(subject),
    ratio: summarize([Number(ratio), Number(ratio) * 1.2]),
  })),
);
const machine = { cpu: 'Some & Other', cores: 2 };

test('draws a bar and a line of quartiles for each ratio, one panel for each case that has some', async () => {
  const panels = [
    { title: 'Products', report: { bars }, others: 0.1 },
    { title: 'Disturbed', report: { bars: bars.slice(0, 1) }, others: 1.26 },
    { title: 'Without others', report: { bars: [] }, others: NaN },
  ];
  const svg = await drawChart(panels, machine);
  expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 1000 \d+"[^>]*>/);
  expect(svg.trimEnd()).toMatch(/<\/svg>$/);
  for (const text of [
    'Products',
    'fast',
    'slow',
    '>a<',
    '>b<',
    'Some &amp; Other, 2 cores',
    '>Products<',
    '>Disturbed — others kept 1.3 cores busy<',
  ])
    expect(svg).toContain(text);
  expect(svg).not.toContain('Without others');
  const filled = (colour: string): number => svg.split(`fill="${colour}"`).length - 1;
  expect([filled('#3b82c4'), filled('#d9822b')]).toEqual([4, 3]); // bars and the legend
});

test('can be read on light and on dark', async () => {
  const svg = await drawChart([{ title: 'Products', report: { bars }, others: 0 }], machine);
  expect(svg).toContain('@media (prefers-color-scheme:dark){[fill="#24292f"]{fill:#e6edf3}');
  // Whatever is text or ground has a colour that the rules replace.
  const colours = new Set([...svg.matchAll(/<text[^>]*fill="([^"]+)"/g)].map(([, colour]) => colour));
  expect([...colours]).toEqual(['#24292f']);
  expect(themed('<svg a="1"><g/></svg>')).toMatch(/^<svg a="1">\n<style>.*<\/style><g\/><\/svg>$/);
});

test('without any ratio there is still a picture', async () => {
  expect(await drawChart([], machine)).toContain('</svg>');
});
