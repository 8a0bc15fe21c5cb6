/** Milliseconds, for profiles. No value that is computed may depend on it, so nothing else asks for the time. */
export const now = (): number => performance.now();
