import { resolve } from 'node:path';

import { Failure } from '../failure';
import type { LabelTask } from '../kinds/labels';
import type { Recording } from '../model/recording-classifier';
import { Symbols } from '../model/symbols';
import type { StageReport } from '../terminal/stage-progress';
import { few } from './classify-task';
import type { DataFile } from './data-file';
import { holdOut } from './hold-out';
import {
  type FrameSettings,
  listFolder,
  type LoadedRecordings,
  loadRecordings,
  type NamePart,
  readList,
} from './recordings';

/** Where the recordings of a run come from. */
export interface SpeechData {
  readonly task: 'speech';
  /** A folder whose files have names that say the labels, or a list of files. The digest is that of the sounds. */
  readonly train: DataFile;
  /** Null where validation recordings are taken from those to train on. */
  readonly valid: DataFile | null;
  /** What of a name is the label; null for lists. */
  readonly label: NamePart | null;
  /** `official`: recordings 0–4 of each digit and speaker are left to be judged by; null: none are. */
  readonly split: 'official' | null;
  readonly sampleRate: number;
}

export interface SpeechTask extends LabelTask<Recording> {
  readonly data: SpeechData;
  readonly codecs: { readonly label: Symbols };
}

export interface SpeechOptions {
  /** Either a folder and what of its names is the label … */
  readonly folder?: string;
  readonly label?: NamePart;
  readonly split?: 'official';
  /** … or lists of path<TAB>label. */
  readonly train?: string;
  readonly valid?: string;
  readonly recipe: FrameSettings;
  readonly onProgress?: (report: StageReport) => void;
}

/** Of recordings there are few. */
const VALIDATION_SHARE = 0.1;

/** Of free-spoken-digit-dataset: which recordings of a digit and a speaker are for judging. */
export const isOfficialTest = ({ index }: { readonly index: number }): boolean => index < 5;

export async function loadSpeechTask(options: SpeechOptions): Promise<SpeechTask> {
  const { folder, label, split, recipe, onProgress } = options;
  const path = folder ?? options.train;
  for (const [option, value] of Object.entries({ '--label': label, '--split': split })) {
    if (folder !== undefined || path === undefined || value === undefined) continue;
    throw new Failure(
      `${option} is for a --folder, whose names say it; a list says what is in it, leave ${option} out`,
    );
  }
  if (path === undefined) throw new Failure('name the recordings: --folder with WAV files, or --train with a list');
  const listed = folder === undefined ? await readList(path) : await listFolder(path, label ?? 'digit');
  const all = await loadRecordings(listed, recipe, undefined, onProgress);
  const { sampleRate } = all;
  const kept = split === 'official' ? all.recordings.filter((recording) => !isOfficialTest(recording)) : all.recordings;
  const valid =
    options.valid === undefined
      ? null
      : await loadRecordings(await readList(options.valid), recipe, sampleRate, onProgress);
  const chosenBy = new Set(valid?.recordings.map((recording) => resolve(recording.path)));
  const isChosenBy = (recording: { readonly path: string }): boolean => chosenBy.has(resolve(recording.path));
  const judgedBy =
    split === 'official' ? all.recordings.find((one) => isOfficialTest(one) && isChosenBy(one)) : undefined;
  if (judgedBy !== undefined) {
    throw new Failure(
      `${options.valid}: ${judgedBy.path} is one of the recordings that --split official leaves to be judged by; take it out`,
    );
  }
  const { training, validation } =
    valid === null
      ? holdOut(kept, ({ path: file }) => nameOf(file), { share: VALIDATION_SHARE, labelOf: ({ label: own }) => own })
      : { training: kept.filter((recording) => !isChosenBy(recording)), validation: valid.recordings };
  if (training.length === 0 || validation.length === 0) {
    throw new Failure(`${path}: too few recordings to keep some for validation; record more, or give --valid`);
  }
  const labels = Symbols.sorted(training.flatMap(({ labels: own }) => own));
  if (labels.size < 2)
    throw new Failure(`${path}: there is one label, ${labels.names[0]}; there must be two to tell apart`);
  requireKnownLabels(validation, labels);
  const data: SpeechData = {
    task: 'speech',
    train: { path, digest: all.digest },
    valid: valid && { path: options.valid!, digest: valid.digest },
    label: folder === undefined ? null : (label ?? 'digit'),
    split: split ?? null,
    sampleRate,
  };
  const heldOut = all.recordings.length - kept.length;
  return {
    data,
    codecs: { label: labels },
    training,
    validation,
    description: [
      `${path}: ${count(training.length)} recordings to train on, ${count(validation.length)} for validation` +
        (heldOut > 0 ? `, ${count(heldOut)} to be judged by` : ''),
      `${count(labels.size)} labels (${few(labels.names)}), ${count(sampleRate)} samples a second, ${recipe.melBands} mel bands`,
      ...describeCut([...training, ...validation], recipe.maxLength),
    ],
  };
}

/** What is told where recordings are longer than what is heard of them. */
export function describeCut(recordings: readonly Recording[], maxLength: number): string[] {
  const cut = recordings.filter(({ isCut }) => isCut).length;
  if (cut === 0) return [];
  return [`${count(cut)} recordings are longer than --max-length ${maxLength}: the rest of them is not heard`];
}

/** Wherever the folder is, a recording has the same name. */
const nameOf = (path: string): string => path.replace(/^.*[/\\]/, '');

/** @throws Failure naming the first recording with a label that is not among these. */
export function requireKnownLabels(recordings: LoadedRecordings['recordings'], labels: Symbols): void {
  const stranger = recordings.find(({ label }) => labels.idOf(label) === undefined);
  if (stranger === undefined) return;
  throw new Failure(
    `${stranger.path}: the label ${JSON.stringify(stranger.label)} is in no training recording; labels are ${few(labels.names)}`,
  );
}

/** The data of a run, once more. @throws Failure if they are others. */
export async function reloadSpeechTask(data: SpeechData, recipe: FrameSettings): Promise<SpeechTask> {
  const { train, valid, label, split } = data;
  const where = label === null ? { train: train.path } : { folder: train.path, label, split: split ?? undefined };
  const task = await loadSpeechTask({ ...where, valid: valid?.path, recipe });
  requireSame(train, task.data.train.digest);
  if (valid !== null) requireSame(valid, task.data.valid!.digest);
  return task;
}

/** The recordings of a run that were left to be judged by. */
export async function heldOutRecordings(
  { train, label, sampleRate }: SpeechData,
  recipe: FrameSettings,
): Promise<LoadedRecordings['recordings']> {
  const { digest, recordings } = await loadRecordings(await listFolder(train.path, label!), recipe, sampleRate);
  requireSame(train, digest);
  return recordings.filter(isOfficialTest);
}

function requireSame({ path, digest }: DataFile, found: string): void {
  if (found !== digest)
    throw new Failure(`the recordings of ${path} have changed since training; put them back as they were`);
}

const count = (n: number): string => n.toLocaleString('en');
