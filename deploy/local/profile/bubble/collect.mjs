// Gathers what /debug/hops of every process has recorded while load runs.

import { setTimeout as sleep } from 'node:timers/promises';
import { get } from '../common/cluster.mjs';
import { fail, note } from '../common/fail.mjs';

const POLL_MS = 200;

async function read(service, after) {
  const response = await get(service, `/debug/hops?after=${after}`);
  if (response.status === 404) {
    fail(
      `${service.name} has no /debug/hops: it is an older program (./topgun build, then start it ` +
        'again) or its debug endpoints are off (--debug-endpoints)',
    );
  }
  if (!response.ok) fail(`${service.name}: /debug/hops answers ${response.status}`);
  return response.json();
}

async function setEvery(service, every) {
  const response = await get(service, `/debug/hops?every=${every}`, { method: 'POST' });
  if (!response.ok) fail(`${service.name}: /debug/hops?every=${every} answers ${response.status}`);
}

// unpack(page): Map from kind to records { trace, at: { stage: ns or null }, num: {}, parts }.
export function unpack(page) {
  const kinds = new Map();
  for (const { name, stages, numbers, records } of page.kinds) {
    kinds.set(
      name,
      records.map(([, trace, times, values, parts]) => ({
        trace,
        at: Object.fromEntries(stages.map((stage, i) => [stage, times[i] || null])),
        num: Object.fromEntries(numbers.map((number, i) => [number, values[i]])),
        parts,
      })),
    );
  }
  return kinds;
}

// collect(services, seconds, every): [{ service, boot, kinds }] of what ended within that time.
// Gateways follow every `every`th frame meanwhile; what they followed before is restored.
export async function collect(services, seconds, every) {
  const watched = [];
  for (const service of services) {
    const page = await read(service, 0);
    watched.push({ service, boot: page.boot, before: page.every, last: page.last, kinds: new Map() });
  }
  const gateways = watched.filter(({ service }) => service.role === 'gateway');
  try {
    for (const { service } of gateways) await setEvery(service, every);
    const end = performance.now() + seconds * 1000;
    for (let last = false; !last; ) {
      await sleep(Math.max(0, Math.min(POLL_MS, end - performance.now())));
      last = performance.now() >= end;
      await Promise.all(watched.map(poll));
    }
  } finally {
    for (const { service, before } of gateways) {
      await setEvery(service, before).catch(() => note(`${service.name} still follows every ${every}th`));
    }
  }
  return watched;
}

async function poll(one) {
  const page = await read(one.service, one.last);
  one.last = page.last;
  for (const [name, records] of unpack(page)) {
    one.kinds.set(name, [...(one.kinds.get(name) ?? []), ...records]);
  }
}
