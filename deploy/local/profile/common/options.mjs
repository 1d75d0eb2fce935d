// The command line of a mode. Every mode takes --data, --process and --load; it adds its own.
//
//   const options = parseOptions(HELP, { seconds: { number: [1, 60], default: 10 }, json: {} });
//
// An option with `number: [min, max]` is an integer, one with `text: true` a string, one with
// `choices: [...]` one of these, any other a switch. --help prints HELP and ends the process.

import { fail } from './fail.mjs';
import { DEFAULT_DATA_DIR } from './cluster.mjs';

const COMMON = {
  data: { text: true, default: DEFAULT_DATA_DIR },
  process: { text: true, default: 'all' },
  load: { text: true },
};

export const COMMON_HELP = `  --data DIR        the cluster's folder (default: .topgun in the repository)
  --process WHICH   gateway, sync, storage, one by its name (gateway-0), several with commas, or
                    all (the default)
  --load 'ARGS'     start ./topgun load ARGS when no load runs, and stop it afterwards
`;

export function parseOptions(help, own, args = process.argv.slice(2)) {
  const known = { ...COMMON, ...own };
  const values = {};
  for (const [name, option] of Object.entries(known)) values[camel(name)] = option.default;
  for (let i = 0; i < args.length; ++i) {
    if (args[i] === '--help' || args[i] === '-h') {
      process.stdout.write(help);
      process.exit(0);
    }
    const [, name, attached] = /^--([a-z-]+)(?:=(.*))?$/s.exec(args[i]) ?? [];
    const option = known[name];
    if (!option) fail(`unknown argument '${args[i]}'; --help lists what there is`);
    const takesValue = option.text || option.number || option.choices;
    if (!takesValue && attached !== undefined) fail(`--${name} takes no value`);
    const value = takesValue ? (attached ?? args[++i]) : true;
    if (value === undefined) fail(`--${name} needs a value`);
    values[camel(name)] = check(name, option, value);
  }
  return values;
}

function check(name, option, value) {
  if (option.choices && !option.choices.includes(value)) {
    fail(`--${name} takes ${option.choices.join(', ')}, not '${value}'`);
  }
  if (!option.number) return value;
  const [min, max] = option.number;
  const number = Number(value.replace(/s$/, ''));
  if (!Number.isInteger(number) || number < min || number > max) {
    fail(`--${name} takes a number from ${min} to ${max}, not '${value}'`);
  }
  return number;
}

function camel(name) {
  return name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
}
