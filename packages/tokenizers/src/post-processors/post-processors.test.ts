import { describe, expect, it } from 'vitest';

import { TokenizerError } from '../error';
import { template, TemplateProcessing } from './index';

describe('template', () => {
  it('reads texts, special tokens and types', () => {
    expect(template('[CLS] $A [SEP]:2  $B:1 $ $0 $1 $b:3')).toEqual([
      { special: '[CLS]', typeId: 0 },
      { sequence: 'A', typeId: 0 },
      { special: '[SEP]', typeId: 2 },
      { sequence: 'B', typeId: 1 },
      { sequence: 'A', typeId: 0 },
      { sequence: 'A', typeId: 0 },
      { sequence: 'A', typeId: 1 },
      { sequence: 'B', typeId: 3 },
    ]);
    expect(() => template('$C')).toThrow(TokenizerError);
  });

  it('must name tokens that are given, and no second text for one', () => {
    const pair = template('$A $B:1');
    expect(() => new TemplateProcessing({ single: template('[CLS] $A'), pair })).toThrow(
      /"\[CLS\]" is not among the special tokens; add it with its id/,
    );
    expect(() => new TemplateProcessing({ single: template('$A $B'), pair })).toThrow(
      /names a second, \$B; leave it out/,
    );
    const processing = new TemplateProcessing({
      single: template('a $A a'),
      pair,
      specialTokens: { a: { ids: [1, 2], tokens: ['x', 'y'] } },
    });
    expect([processing.addedTokens(false), processing.addedTokens(true)]).toEqual([4, 0]);
  });
});
