import { TokenizerError } from '../src/error';

/** The error that `attempt` ends with; another kind of error, or none, fails the test. */
export function failure(attempt: () => unknown): TokenizerError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof TokenizerError) return error;
    throw error;
  }
  throw new Error('expected an error');
}
