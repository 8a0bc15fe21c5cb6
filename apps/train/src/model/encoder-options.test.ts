import { expect, test } from 'vitest';

import { classifyPresets } from '../presets';
import { encoderOptions } from './encoder-options';

test('settings that contradict each other are named', () => {
  const { small } = classifyPresets;
  expect(encoderOptions({ ...small, positions: 'rotary' })).toMatchObject({
    positions: 'rotary',
    encoder: 'attention',
  });
  expect(() => encoderOptions({ ...small, encoder: 'lstm', window: 2 })).toThrow('--window is for --encoder attention');
  expect(() => encoderOptions({ ...small, encoder: 'gru', positions: 'rotary' })).toThrow(
    '--positions rotary is a part of attention, which --encoder gru has none of',
  );
  expect(() => encoderOptions({ ...small, pooling: 'class', window: 2 })).toThrow('alone with --window');
  expect(() => encoderOptions({ ...small, pooling: 'class', encoder: 'convolutional' })).toThrow(
    'alone with --encoder convolutional',
  );
  expect(encoderOptions({ ...small, pooling: 'class', encoder: 'lstm' }).encoder).toBe('lstm');
});
