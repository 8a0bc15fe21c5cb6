import { expect, test } from 'vitest';

import { confusions, labelReport, labelRows, meanLoss, scoreLabels } from './label-scores';
import type { LabelJudgement } from './labeller';

const judged = (expected: string, given: string): LabelJudgement[] =>
  [...expected].map((label, i) => ({ expected: label, label: given[i], probability: 0.5, loss: i }));

// The example of f1_score in the documentation of scikit-learn: y_true 0 1 2 0 1 2, y_pred 0 2 1 0 0 1, macro 0.26.
const example = judged('012012', '021001');

test('accuracy and macro F1 are those of scikit-learn', () => {
  const { examples, accuracy, macroF1 } = scoreLabels(example);
  expect(examples).toBe(6);
  expect(accuracy).toBeCloseTo(2 / 6, 12);
  expect(macroF1).toBeCloseTo(0.8 / 3, 12); // 0.8, 0 and 0
});

test('labels that are only given, and labels that are only expected, count for macro F1', () => {
  expect(scoreLabels(judged('aab', 'aac')).macroF1).toBeCloseTo(1 / 3, 12);
  expect(scoreLabels([])).toEqual({ examples: 0, accuracy: 0, macroF1: 0 });
});

test('precision and recall of each label; what was taken for what', () => {
  expect(labelRows(example)[0]).toEqual({ label: '0', expected: 2, given: 3, precision: 2 / 3, recall: 1, f1: 0.8 });
  expect(confusions(example)).toEqual([
    { expected: '2', given: '1', count: 2 },
    { expected: '1', given: '2', count: 1 },
    { expected: '1', given: '0', count: 1 },
  ]);
  const { text, fields } = labelReport(example);
  expect(text.split('\n')[1]).toMatch(/^0 +2 +3 +66\.7 +100\.0 +80\.0$/);
  expect(text).toMatch(/\nmost often confused: 2× 2 as 1, 1× 1 as 2, 1× 1 as 0$/);
  expect(fields.labels).toHaveLength(3);
});

test('the loss leaves out labels that training did not see', () => {
  expect(meanLoss([...judged('aaa', 'aaa'), { expected: 'z', label: 'a', probability: 1, loss: undefined }])).toBe(1);
});
