// topgunctl, as scripts call it.
import {execFile} from 'node:child_process';

import {program} from './service.mjs';

// Resolves with the exit code and what was printed, `json` when that is JSON.
export const topgunctl = (...args) => topgunctlWith({}, ...args);

// In an environment with these variables, too.
export function topgunctlWith(variables, ...args) {
  return new Promise((resolve) => {
    execFile(program('topgunctl'), args.map(String), {env: {...process.env, ...variables}}, (error, stdout, stderr) => {
      let json;
      try {
        json = JSON.parse(stdout);
      } catch {
        // it is text
      }
      resolve({code: error ? error.code : 0, stdout, stderr, json});
    });
  });
}
