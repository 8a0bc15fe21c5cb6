/**
 * What each public entry may add to a page, in bytes: minified and compressed with Brotli, other packages left out.
 * Above the measured size by about a fifth, so that work goes on and an accident, such as a table or a second copy of
 * something, shows. To raise one is a decision; say in the commit what it buys.
 */
export const budgets: Record<string, number> = {
  '@qkv/attention': 5_000,
  '@qkv/autograd': 8_500,
  '@qkv/backend-wasm': 66_000, // two builds of the kernels, of which a page loads one
  '@qkv/data': 4_000,
  '@qkv/nn': 4_000,
  '@qkv/optim': 4_000,
  '@qkv/safetensors': 5_000,
  '@qkv/safetensors/node': 5_000,
  '@qkv/seq2seq': 3_000,
  '@qkv/tensor': 29_000,
  '@qkv/tokenizers': 2_400,
};
