// How a mode ends when it cannot go on: one line that names the trouble and the way out.

class Failure extends Error {}

export function fail(message) {
  throw new Failure(message);
}

// run(main): the mode's main function; failures become one line and exit code 1.
export async function run(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`topgun: error: ${error.message}\n`);
    process.exitCode = 1;
  }
}

export function note(message) {
  process.stderr.write(`topgun: ${message}\n`);
}
