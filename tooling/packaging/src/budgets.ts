/**
 * What each public entry may add to a page, in bytes: minified and compressed with Brotli, other packages left out.
 * Entries for Node are not weighed. A budget is about a fifth above the measured size, so that work goes on and an
 * accident, such as a table or a second copy of something, shows. To raise one is a decision; the commit says what it buys.
 */
export const budgets: Record<string, number> = {
  '@qkv/attention': 13_100, // scores, weights, masks and positions of the field; a page takes what it imports
  '@qkv/autograd': 5_400,
  '@qkv/backend-wasm': 66_000, // two builds of the kernels, of which a page loads one
  '@qkv/data': 13_200, // readers of formats, features of sound and batches; a page takes what it imports
  '@qkv/nn': 9_900, // convolutions, recurrent layers, pooling, capture
  '@qkv/optim': 6_300,
  '@qkv/safetensors': 7_300,
  '@qkv/seq2seq': 22_500, // models, decoders, objectives and metrics, of which a page takes what it imports
  '@qkv/tensor': 35_000,
  '@qkv/tokenizers': 56_000, // every tokenizer in use, its files and its training; a page takes what it imports
  '@qkv/tokenizers/encode': 26_000, // all four kinds of models; one of them is held to 20 kB gzip by a test
  '@qkv/training': 4_500,
};
