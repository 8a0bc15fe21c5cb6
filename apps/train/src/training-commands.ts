import { type Command, Option } from 'commander';

import type { CodecOption } from './data/codec-option';
import { codecOption, trainOptions, trains, type TrainFlags } from './options';
import { classifyPresets, nodesPresets, presets, speechPresets, tagPresets } from './presets';
import { classifySettings, nodesSettings, pairSettings, speechSettings, tagSettings } from './recipe';

interface Seq2seqFlags {
  readonly train: string;
  readonly valid?: string;
  readonly sourceUnit: 'character' | 'word';
  readonly targetUnit: 'character' | 'word';
  readonly tokenizer?: CodecOption;
  readonly sourceTokenizer?: CodecOption;
  readonly targetTokenizer?: CodecOption;
}

interface TagFlags extends TrainFlags {
  readonly train: string;
  readonly valid?: string;
  readonly column: 'upos' | 'xpos' | 'deprel';
  readonly format?: 'conllu' | 'columns';
  readonly tokenizer?: CodecOption;
}

interface ClassifyFlags extends TrainFlags {
  readonly train: string;
  readonly valid?: string;
  readonly separator: 'tab' | 'space';
  readonly encoding: 'utf-8' | 'latin1';
  readonly tokenizer: CodecOption;
}

interface SpeechFlags extends TrainFlags {
  readonly folder?: string;
  readonly label?: 'digit' | 'speaker';
  readonly split?: 'official';
  readonly train?: string;
  readonly valid?: string;
}

const pairs = { settings: pairSettings, presets };
const tagging = { settings: tagSettings, presets: tagPresets, preset: 'small' };
const classifying = { settings: classifySettings, presets: classifyPresets, preset: 'small' };
const nodeChoices = { settings: nodesSettings, presets: nodesPresets, preset: 'small' };
const speaking = { settings: speechSettings, presets: speechPresets, preset: 'small' };

/** Adds the commands that train to write: pronunciations, and targets of the user's own. */
export function addPairCommands(program: Command): void {
  trains(program.command('start'), { ...pairs, preset: 'quick' }, 'runs/g2p', 'auto')
    .description('train a small pronunciation model on CMUdict, judge it on held-out words, show what it does')
    .option('--no-held-out', 'judge on validation words only: for choosing settings')
    .action(async (flags: TrainFlags & { heldOut: boolean }) => {
      const { start } = await import('./commands/start');
      const options = await trainOptions(flags, pairs);
      const run = flags.output === 'runs/g2p' ? '' : ` --run ${flags.output}`;
      const pronounceCommand = `npx -y pnpm@10.34.9 pronounce transformer attention${run}`;
      await start({ ...options, heldOut: flags.heldOut, pronounceCommand });
    });

  trains(program.command('g2p'), { ...pairs, preset: 'thorough' }, 'runs/g2p-thorough', 'never')
    .description('train a pronunciation model on CMUdict; the held-out words are left for evaluate')
    .action(async (flags: TrainFlags) => {
      const { g2p } = await import('./commands/g2p');
      await g2p(await trainOptions(flags, pairs));
    });

  const unit = (side: string): Option =>
    new Option(`--${side}-unit <unit>`, `what a ${side} is made of`)
      .choices(['character', 'word'])
      .default('character')
      .conflicts(['tokenizer', `${side}Tokenizer`]);
  const sideTokenizer = (side: string): Option =>
    new Option(`--${side}-tokenizer <spec>`, `the same for ${side}s only`).argParser(codecOption);
  trains(program.command('seq2seq'), { ...pairs, preset: 'small' }, 'runs/seq2seq', 'never')
    .description('train on your own pairs: source<TAB>target on each line, UTF-8')
    .requiredOption('--train <file>', 'pairs to train on')
    .option('--valid <file>', 'pairs that the best weights are chosen by; without it, a part of the training pairs')
    .addOption(unit('source'))
    .addOption(unit('target'))
    .addOption(
      new Option(
        '--tokenizer <spec>',
        'sub-words: bpe:8000, wordpiece:8000, unigram:8000 or sentencepiece-bpe:8000, trained on the pairs; or word, character, the path of a tokenizer.json',
      ).argParser(codecOption),
    )
    .addOption(sideTokenizer('source'))
    .addOption(sideTokenizer('target'))
    .action(async (flags: TrainFlags & Seq2seqFlags) => {
      const { seq2seq } = await import('./commands/seq2seq');
      const { train, valid, tokenizer } = flags;
      const sourceUnit = flags.sourceTokenizer ?? tokenizer ?? flags.sourceUnit;
      const targetUnit = flags.targetTokenizer ?? tokenizer ?? flags.targetUnit;
      await seq2seq({ train, valid, sourceUnit, targetUnit }, await trainOptions(flags, pairs));
    });
}

/** Adds the commands that train to give labels. */
export function addLabelCommands(program: Command): void {
  trains(program.command('tag'), tagging, 'runs/tag', 'never')
    .description('train to tag the words of sentences: CoNLL-U, or a word and its tag on each line')
    .requiredOption('--train <file>', 'sentences to train on')
    .option('--valid <file>', 'sentences that the best weights are chosen by; without it, a part of those to train on')
    .addOption(
      new Option('--column <name>', 'of CoNLL-U: what is learned').choices(['upos', 'xpos', 'deprel']).default('upos'),
    )
    .addOption(
      new Option(
        '--format <name>',
        'conllu, or columns: word<TAB>tag, a blank line after each sentence (default: by the ending .conllu)',
      ).choices(['conllu', 'columns']),
    )
    .addOption(
      new Option(
        '--tokenizer <spec>',
        'sub-words in place of words and characters: bpe:8000 and the like, trained on the words, or the path of a tokenizer.json',
      ).argParser(codecOption),
    )
    .action(async (flags: TagFlags) => {
      const { tag } = await import('./commands/labels');
      const { train, valid, column, format, tokenizer } = flags;
      await tag({ train, valid, column, format, tokenizer }, await trainOptions(flags, tagging));
    });

  trains(program.command('classify'), classifying, 'runs/classify', 'never')
    .description('train to classify texts: label<TAB>text on each line')
    .requiredOption('--train <file>', 'texts to train on')
    .option('--valid <file>', 'texts that the best weights are chosen by; without it, a part of those to train on')
    .addOption(
      new Option('--separator <name>', 'what ends the label; space for the files of TREC and SST')
        .choices(['tab', 'space'])
        .default('tab'),
    )
    .addOption(new Option('--encoding <name>', 'of the files').choices(['utf-8', 'latin1']).default('utf-8'))
    .addOption(
      new Option(
        '--tokenizer <spec>',
        'what texts are made of: word (between spaces), character, bpe:8000 and the like, or the path of a tokenizer.json',
      )
        .argParser(codecOption)
        .default('word'),
    )
    .action(async (flags: ClassifyFlags) => {
      const { classify } = await import('./commands/labels');
      const { train, valid, separator, encoding, tokenizer } = flags;
      await classify({ train, valid, separator, encoding, tokenizer }, await trainOptions(flags, classifying));
    });

  trains(program.command('nodes'), nodeChoices, 'runs/nodes', 'never')
    .description('train to classify the nodes of a graph, with attention along its edges')
    .requiredOption(
      '--graph <file>',
      'JSON: numNodes, numFeatures, features, labels, edges, and the nodes of train, val and test',
    )
    .action(async (flags: TrainFlags & { graph: string }) => {
      const { nodes } = await import('./commands/labels');
      await nodes(flags.graph, await trainOptions(flags, nodeChoices));
    });

  const list = new Option('--train <file>', 'in place of the folder: path<TAB>label on each line').conflicts('folder');
  trains(program.command('speech'), speaking, 'runs/speech', 'never')
    .description('train to tell what or who is heard in recordings (WAV)')
    .option('--folder <folder>', 'recordings named digit_speaker_number.wav, such as 7_jackson_32.wav')
    .addOption(
      new Option('--label <name>', 'what of the names is learned (default: digit)').choices(['digit', 'speaker']),
    )
    .addOption(
      new Option(
        '--split <name>',
        'official: recordings 0 to 4 of each digit and speaker are left for evaluate',
      ).choices(['official']),
    )
    .addOption(list)
    .addOption(
      new Option('--valid <file>', 'a list that the best weights are chosen by (default: a part of the recordings)'),
    )
    .action(async (flags: SpeechFlags) => {
      const { speech } = await import('./commands/labels');
      const { folder, label, split, train, valid } = flags;
      await speech({ folder, label, split, train, valid }, await trainOptions(flags, speaking));
    });
}
