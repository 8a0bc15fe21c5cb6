/**
 * What each public entry may add to a page, in bytes: minified and compressed with Brotli, other packages left out.
 * Entries for Node are not weighed. A budget is about a fifth above the measured size, so that work goes on and an
 * accident, such as a table or a second copy of something, shows. To raise one is a decision; the commit says what it buys.
 */
export const budgets: Record<string, number> = {
  '@qkv/attention': 3_100,
  '@qkv/autograd': 5_400,
  '@qkv/backend-wasm': 66_000, // two builds of the kernels, of which a page loads one
  '@qkv/data': 13_200, // readers of formats, features of sound and batches; a page takes what it imports
  '@qkv/nn': 3_700,
  '@qkv/optim': 6_300,
  '@qkv/safetensors': 7_300,
  '@qkv/seq2seq': 8_200,
  '@qkv/tensor': 29_000,
  '@qkv/tokenizers': 56_000, // every tokenizer in use, its files and its training; a page takes what it imports
  '@qkv/tokenizers/encode': 26_000, // all four kinds of models; one of them is held to 20 kB gzip by a test
  '@qkv/training': 4_500,
};
