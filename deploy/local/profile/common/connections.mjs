// The open connections of a gateway, the noteworthy ones first.

import { fail } from './fail.mjs';
import { get } from './cluster.mjs';

const PAGE = 1_000; // what a gateway gives at once
const PAGES_MAX = 10; // more would keep its loops busy

// Slow readers first, then by what waits for them, then by what they wait for.
const SEVERITY = { slow: 2, coalescing: 1, none: 0 };

function byTrouble(a, b) {
  return (
    SEVERITY[b.backlog] - SEVERITY[a.backlog] ||
    b.queued_bytes - a.queued_bytes ||
    b.unacked_ops - a.unacked_ops ||
    b.age_seconds - a.age_seconds
  );
}

// listConnections(gateway): { connections, more }; more: there are others that were not looked at.
export async function listConnections(gateway) {
  const connections = [];
  let cursor = '0.0';
  for (let page = 0; page < PAGES_MAX && cursor !== null; ++page) {
    const response = await get(gateway, `/connections?limit=${PAGE}&after=${cursor}`);
    if (response.status !== 200) fail(`${gateway.name}: ${(await response.text()).trim()}`);
    const answer = await response.json();
    connections.push(...answer.connections);
    cursor = answer.next;
  }
  return { connections: connections.sort(byTrouble), more: cursor !== null };
}

// What the table of connections shows of one.
export function connectionRow(connection) {
  return {
    connection: connection.id,
    address: connection.address,
    client: connection.device || connection.subject || '-',
    state: connection.state,
    subscriptions: connection.subscriptions,
    'queued bytes': connection.queued_bytes,
    'ops in flight': connection.unacked_ops,
    'slow consumer': connection.backlog === 'none' ? 'no' : connection.backlog,
    'age s': Math.round(connection.age_seconds),
  };
}
