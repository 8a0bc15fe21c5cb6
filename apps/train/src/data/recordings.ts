import { readdir, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

import { type LabelledText, logMelSpectrogram, mixDown, parseLabelledLines, parseWav } from '@qkv/data';

import { describeError, Failure, systemReason } from '../failure';
import type { Recording } from '../model/recording-classifier';
import type { SpeechRecipe } from '../recipe';
import type { StageReport } from '../terminal/stage-progress';
import { digestOf, readBytes } from './data-file';

/** What the parts of a file's name are: `7_jackson_32.wav` is the digit 7, said by jackson, the 32nd time. */
export const nameParts = ['digit', 'speaker'] as const;
export type NamePart = (typeof nameParts)[number];

export type FrameSettings = Pick<SpeechRecipe, 'melBands' | 'frameLength' | 'hopLength' | 'scaling' | 'maxLength'>;

/** A file with a recording, and its label. */
export interface ListedRecording {
  readonly path: string;
  readonly label: string;
  /** The number at the end of its name; NaN for those of a list. */
  readonly index: number;
}

export interface LoadedRecordings {
  /** Of names, labels and sounds. */
  readonly digest: string;
  /** Samples in a second, of all of them. */
  readonly sampleRate: number;
  readonly recordings: readonly (Recording & ListedRecording)[];
}

/** The WAV files of a folder, in the order of their names. @throws Failure naming one whose name says no label. */
export async function listFolder(folder: string, label: NamePart): Promise<ListedRecording[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new Failure(`cannot read ${folder}: ${systemReason(error, 'read')}`, { cause: error });
  });
  const wavs = names.filter((name) => /\.wav$/i.test(name)).sort();
  if (wavs.length === 0) throw new Failure(`${folder}: there are no WAV files in it`);
  return wavs.map((name) => {
    const [, digit, speaker, index] = /^([^_]+)_([^_]+)_(\d+)\.wav$/i.exec(name) ?? [];
    if (digit === undefined) {
      throw new Failure(
        `${join(folder, name)}: expected a name such as 7_jackson_32.wav; rename it, or give --train a list of path<TAB>label`,
      );
    }
    return { path: join(folder, name), label: { digit, speaker }[label], index: Number(index) };
  });
}

/** Lines of `path<TAB>label`; paths that are not absolute begin where the list is. */
export async function readList(path: string): Promise<ListedRecording[]> {
  // Each line has what the parser calls a label first, and here that is a path.
  const lines = parseLines(await readBytes(path), path);
  return lines.map(({ label: file, text: label }) => ({ path: besides(path, file), label, index: NaN }));
}

function parseLines(bytes: Uint8Array, name: string): LabelledText[] {
  try {
    return parseLabelledLines(bytes, { name });
  } catch (error) {
    const message = describeError(error)
      .replace(/; if a space ends.*/, '')
      .replace('label<TAB>text', 'path<TAB>label');
    throw new Failure(message.replace('its label is', 'its path is').replace('its text is', 'its label is'), {
      cause: error,
    });
  }
}

/** A path that stands in a list. */
export const besides = (list: string, path: string): string => (isAbsolute(path) ? path : join(dirname(list), path));

/** A folder whose names say the labels, or a list. */
export async function listRecordings(path: string, label: NamePart): Promise<ListedRecording[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? listFolder(path, label) : readList(path);
}

/** Reads the sounds. @throws Failure or WavError naming the file and the byte. */
export async function loadRecordings(
  listed: readonly ListedRecording[],
  settings: FrameSettings,
  sampleRate?: number,
  onProgress: (report: StageReport) => void = () => {},
): Promise<LoadedRecordings> {
  let rate = sampleRate;
  const contents: unknown[] = [];
  const recordings: (Recording & ListedRecording)[] = [];
  for (const recording of listed) {
    const bytes = await readBytes(recording.path);
    const sound = parseWav(bytes, { name: recording.path });
    rate ??= sound.sampleRate;
    if (sound.sampleRate !== rate) {
      throw new Failure(
        `${recording.path}: ${sound.sampleRate} samples a second, the others have ${rate}; convert it (ffmpeg -i in.wav -ar ${rate} out.wav)`,
      );
    }
    contents.push([recording.label, recording.index, digestOf(bytes)]);
    recordings.push({
      ...recording,
      labels: [recording.label],
      ...framesOf(mixDown(sound), rate, settings, recording),
    });
    onProgress({ stage: 'recordings', done: recordings.length, total: listed.length });
  }
  return { digest: digestOf(JSON.stringify(contents)), sampleRate: rate!, recordings };
}

/** Of the logarithms in recordings of speech, roughly: what a network reads should be about 1. */
const USUAL_MEAN = -8;
const USUAL_DEVIATION = 4;

/** Log-mel frames. */
function framesOf(
  samples: Float64Array,
  sampleRate: number,
  { melBands: mels, frameLength, hopLength, scaling, maxLength }: FrameSettings,
  { path }: ListedRecording,
): Pick<Recording, 'frames' | 'count' | 'isCut'> {
  const window = Math.round((frameLength / 1000) * sampleRate);
  const long = new Float64Array(Math.max(window, samples.length)); // silence behind what is shorter than a frame
  long.set(samples);
  let values: Float64Array;
  try {
    const options = { sampleRate, mels, windowLength: frameLength / 1000, hopLength: hopLength / 1000 };
    values = logMelSpectrogram(long, options).values;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Failure(`${path}: ${error.message} (see --mel-bands, --frame-length, --hop-length)`, { cause: error });
  }
  const count = Math.min(maxLength, values.length / mels);
  const frames = Float32Array.from(values.subarray(0, count * mels)); // (T, M)
  if (scaling === 'recording') standardize(frames, count, mels);
  else frames.forEach((value, i) => (frames[i] = (value - USUAL_MEAN) / USUAL_DEVIATION));
  return { frames, count, isCut: values.length > frames.length };
}

/** Gives each band mean 0 and variance 1 over the frames (T, M), so that loudness and microphone do not matter. */
function standardize(frames: Float32Array, count: number, mels: number): void {
  for (let band = 0; band < mels; band++) {
    let [sum, squares] = [0, 0];
    for (let t = 0; t < count; t++) sum += frames[t * mels + band];
    const mean = sum / count;
    for (let t = 0; t < count; t++) squares += (frames[t * mels + band] - mean) ** 2;
    const deviation = Math.max(Math.sqrt(squares / count), 1e-3); // of silence, nothing comes
    for (let t = 0; t < count; t++) frames[t * mels + band] = (frames[t * mels + band] - mean) / deviation;
  }
}
