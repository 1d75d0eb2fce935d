// inspect: live state (connections, queues, shards, settings), log level, how to attach gdb
//
// Reads /debug/status of every process and /connections of the gateways; the loops answer between
// two of their turns.

import { readCluster, select, get } from './common/cluster.mjs';
import { connectionRow, listConnections } from './common/connections.mjs';
import { fail, run } from './common/fail.mjs';
import { COMMON_HELP, parseOptions } from './common/options.mjs';
import { table } from './common/table.mjs';

const HELP = `usage: ./topgun profile inspect [options]

Shows the live state of the running cluster: connections, subscriptions, lanes and shards with their
queues, memory, log level, and how to attach a debugger to each process.

${COMMON_HELP.replace(/ {2}--load[^]*$/, '')}  --connections N   show so many connections of each gateway, slow readers first (default: 20; 0: none)
  --set-log-level L  change the level of the chosen processes: debug, info, warning or error
  --settings        also print the settings in effect (secrets are masked)
  --threads         also print the threads with the CPU time they have used
  --stacks          also print where every thread is right now (interrupts each of them once)
  --json            print what the processes answer, one JSON object by process name; that of a
                    gateway has its connections, too
`;

async function statusOf(service) {
  const response = await get(service, '/debug/status');
  if (response.status !== 200) fail(`${service.name}: ${(await response.text()).trim()}`);
  const status = await response.json();
  if (service.role !== 'gateway') return status;
  const { connections, more } = await listConnections(service);
  return { ...status, connections, more_connections: more };
}

async function setLogLevel(services, level) {
  for (const service of services) {
    const response = await get(service, '/debug/log-level', { method: 'PUT', body: level });
    if (response.status !== 200) fail(`${service.name}: ${(await response.text()).trim()}`);
    process.stdout.write(`${service.name}: log level ${(await response.text()).trim()}\n`);
  }
}

function mebibytes(value) {
  return `${(value / 2 ** 20).toFixed(1)} MiB`;
}

// One table per list of objects, one line for all that is not a list.
function sectionText(name, section) {
  const lines = [];
  const plain = [];
  const lists = [];
  for (const [key, value] of Object.entries(section)) {
    if (Array.isArray(value)) lists.push([key, value]);
    else if (value !== null && typeof value === 'object') {
      for (const [inner, content] of Object.entries(value)) {
        if (Array.isArray(content)) lists.push([`${key}: ${inner}`, content]);
        else plain.push(`${key} ${inner} ${content}`);
      }
    } else plain.push(`${key} ${value}`);
  }
  lines.push(`${name}: ${plain.join(', ').replaceAll('_', ' ')}`);
  for (const [key, rows] of lists) {
    if (rows.length === 0) continue;
    lines.push('', `  ${key.replaceAll('_', ' ')}`, ...table(rows).map((line) => `  ${line}`));
  }
  return lines;
}

function connectionsText({ connections, more_connections: more }, shown) {
  if (shown === 0 || connections.length === 0) return [];
  const rows = connections.slice(0, shown).map(connectionRow);
  const rest = connections.length - rows.length;
  const title = `connections${rest > 0 || more ? ` (${rest}${more ? ' and more' : ''} not shown)` : ''}`;
  return ['', title, ...table(rows).map((line) => `  ${line}`)];
}

function printProcess(service, status, options) {
  const lines = [
    '',
    `== ${service.name}: ${status.program} ${status.version}, pid ${service.pid}, up ${status.uptime_s} s, ` +
      `${status.threads} threads, log level ${status.log_level}`,
    `memory: resident ${mebibytes(status.resident_bytes)}` +
      (status.heap ? `, allocated ${mebibytes(status.heap.allocated)}` : ''),
  ];
  for (const [name, section] of Object.entries(status.sections)) {
    lines.push('', ...sectionText(name, section));
  }
  if (status.connections) lines.push(...connectionsText(status, options.connections));
  for (const name of status.silent) {
    lines.push('', `${name}: no answer within two seconds; it is stuck, very busy, or has ended`);
  }
  if (options.settings) {
    lines.push('', 'settings');
    for (const [name, value] of Object.entries(status.settings)) lines.push(`  ${name} = ${value}`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

// what: 'threads' or 'stacks'.
async function printText(service, what) {
  const response = await get(service, `/debug/pprof/${what}`, { timeoutMs: 60_000 });
  const text = await response.text();
  if (response.status !== 200) fail(`${service.name}: ${text.trim()}`);
  process.stdout.write(`\n${what}\n${text.replace(/^(?=.)/gm, '  ')}`);
}

function printDebuggers(cluster) {
  const lines = [
    '',
    '== attaching a debugger (stops the process while it waits for you; symbols are in the programs)',
  ];
  for (const { role, name, pid } of cluster.processes) {
    lines.push(`  ${name.padEnd(12)} gdb -p ${pid}`);
    if (role === 'redis') lines.push('               (symbols: DEBUGINFOD_URLS=https://debuginfod.debian.net)');
  }
  lines.push(
    '  needs Debian gdb and ptrace: the same user and kernel.yama.ptrace_scope=0, or root',
    "  all stacks at once: gdb -p PID --batch -ex 'thread apply all bt'",
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function main() {
  const options = parseOptions(HELP, {
    connections: { number: [0, 10_000], default: 20 },
    'set-log-level': { text: true },
    settings: {},
    threads: {},
    stacks: {},
    json: {},
  });
  const cluster = readCluster(options.data);
  const services = select(cluster, options.process);
  if (options.setLogLevel !== undefined) return setLogLevel(services, options.setLogLevel);
  const states = await Promise.all(services.map(statusOf));
  if (options.json) {
    const byName = Object.fromEntries(services.map(({ name }, i) => [name, states[i]]));
    process.stdout.write(`${JSON.stringify(byName, null, 2)}\n`);
    return undefined;
  }
  for (const [i, service] of services.entries()) {
    printProcess(service, states[i], options);
    if (options.threads) await printText(service, 'threads');
    if (options.stacks) await printText(service, 'stacks');
  }
  printDebuggers(cluster);
  return undefined;
}

await run(main);
