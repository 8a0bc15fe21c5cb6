/** A subject that counts its turns, for the tests of the runner. */

/** @param {import('../../src/subject').Settings} settings @returns {Promise<import('../../src/subject').Subject>} */
export async function create({ behaviour }) {
  if (behaviour === 'fail at start') throw new Error('not today\nand not tomorrow');
  let turn = 0;
  return {
    facts: {},
    async round() {
      turn++;
      if (behaviour === `fail at turn ${turn}`) throw new Error('enough');
      if (behaviour === `die at turn ${turn}`) process.exit(7);
      return { turn: [turn], at: [performance.timeOrigin + performance.now()] };
    },
  };
}
