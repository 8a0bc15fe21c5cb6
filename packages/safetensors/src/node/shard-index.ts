import { quote, SafetensorsError } from '../error';
import { MAX_HEADER_LENGTH } from '../header';
import { HeaderReader } from '../header-reader';

/** Name of the index of a set of shards. */
export const indexName = (name: string): string => `${name}.safetensors.index.json`;

/** Tensor → name of the file in the index's folder that holds it. */
export type WeightMap = ReadonlyMap<string, string>;

/**
 * The text of an index, as Hugging Face's libraries write it: two spaces, ASCII only. Not by JSON.stringify of an object,
 * which would move names such as "0" to the front and lose "__proto__".
 */
export function printIndex(totalSize: number, weightMap: WeightMap): string {
  const lines = [...weightMap].map(([name, file]) => `    ${ascii(name)}: ${ascii(file)}`);
  const map = lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
  return `{\n  "metadata": {\n    "total_size": ${totalSize}\n  },\n  "weight_map": ${map}\n}\n`;
}

const ascii = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * Reads the index of a set of shards; a tensor that stands twice and a file outside of the folder are errors.
 *
 * @throws SafetensorsError, without the name of the file.
 */
export function parseIndex(bytes: Uint8Array): WeightMap {
  if (bytes.length > MAX_HEADER_LENGTH) {
    const message = `safetensors: the index has ${bytes.length} bytes, the limit is ${MAX_HEADER_LENGTH}; is this an index?`;
    throw new SafetensorsError('index', message);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SafetensorsError('index', 'safetensors: the index is not UTF-8 text; fetch or save it again', { cause });
  }
  const reader = new HeaderReader(text, 'index', 0);
  let weightMap: Map<string, string> | undefined;
  reader.object('the index', (key) => {
    if (key !== 'weight_map') return reader.skip(); // total_size counts shared tensors twice in some files: no use to us
    const map = new Map<string, string>();
    reader.object('weight_map', (name) => {
      map.set(name, reader.string(`the file of ${quote(name)}`));
    });
    weightMap = map;
  });
  reader.end();
  if (weightMap === undefined) {
    throw new SafetensorsError('index', 'safetensors: the index has no "weight_map"; fetch or save it again');
  }
  for (const [name, file] of weightMap) {
    if (!isFileName(file)) {
      const message = `safetensors: the index puts tensor ${quote(name)} into ${quote(file)}, which is no file name; shards stand beside their index`;
      throw new SafetensorsError('index', message);
    }
  }
  return weightMap;
}

/** A plain name in a folder, on every system: no separators, no drive or stream of Windows, no control characters. */
export const isFileName = (name: string): boolean => /^[^/\\:\p{Cc}]+$/u.test(name) && name !== '.' && name !== '..';
