import { out } from '../terminal/colors';
import type { Judging, Scores } from './kind';

/** What a score is called in metrics, settings and curves: `tokenErrorRate` is `token-error-rate`. */
export const metricName = (score: string): string => score.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

/** `1,000 validation words: PER 11.4 %, WER 42.8 %` */
export function describeScores(what: string, scores: Scores, { examples, metrics }: Judging): string {
  const shown = Object.entries(metrics).map(([name, { label }]) => `${label} ${out.bold(percent(scores[name]))}`);
  return `${scores.examples.toLocaleString('en')} ${what} ${examples}: ${shown.join(', ')}`;
}
