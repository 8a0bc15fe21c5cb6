import type { TiktokenOptions } from './tiktoken';

// The patterns as OpenAI first published them. Those in today's tiktoken match the same, and are faster in Rust, with
// quantifiers that the engine of tokenizer.json reads in another way (`{1,3}+`).
const gpt2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const cl100k = [
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`,
  String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`,
  String.raw`\p{N}{1,3}`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`,
  String.raw`\s*[\r\n]+`,
  String.raw`\s+(?!\S)`,
  String.raw`\s+`,
].join('|');

const o200k = [
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`\p{N}{1,3}`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
  String.raw`\s*[\r\n]+`,
  String.raw`\s+(?!\S)`,
  String.raw`\s+`,
].join('|');

/** How OpenAI's encodings cut text, and their special tokens: what their `.tiktoken` files do not say. */
export const tiktokenPresets = {
  /** GPT-2 and GPT-3. */
  r50k_base: { pattern: gpt2, specialTokens: { '<|endoftext|>': 50256 } },
  /** Codex, text-davinci-002 and -003. */
  p50k_base: { pattern: gpt2, specialTokens: { '<|endoftext|>': 50256 } },
  /** GPT-3.5 and GPT-4. */
  cl100k_base: {
    pattern: cl100k,
    specialTokens: {
      '<|endoftext|>': 100257,
      '<|fim_prefix|>': 100258,
      '<|fim_middle|>': 100259,
      '<|fim_suffix|>': 100260,
      '<|endofprompt|>': 100276,
    },
  },
  /** GPT-4o and later. */
  o200k_base: { pattern: o200k, specialTokens: { '<|endoftext|>': 199999, '<|endofprompt|>': 200018 } },
} as const satisfies Record<string, TiktokenOptions>;
