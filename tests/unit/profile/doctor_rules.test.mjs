// Every rule of the doctor, with facts of a healthy cluster under load and with what makes it fire.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';

import {judge} from '../../../deploy/local/profile/doctor/judge.mjs';
import {RULES} from '../../../deploy/local/profile/doctor/rules.mjs';
import {slope} from '../../../deploy/local/profile/doctor/rules_stores.mjs';

const recorded = readFileSync(new URL('healthy_facts.json', import.meta.url), 'utf8');
const healthy = () => JSON.parse(recorded);
const findingOf = (facts, id) => judge(facts, RULES).find((finding) => finding.id === id);

// [rule, severity it must reach, what happens to the healthy facts]
const FIRING = [
  ['readiness', 'problem', (f) => (f.readiness[0] = {name: 'gateway-0', ready: false, reason: 'fetch failed'})],
  ['readiness', 'problem', (f) => (f.readiness[0].reason = 'degraded: Postgres is away;')],
  ['redis-answers', 'problem', (f) => (f.redis = {error: 'Redis does not answer'})],
  ['postgres-answers', 'problem', (f) => (f.postgres = {error: 'no answer within 3 s'})],
  ['persistence-lag', 'notice', (f) => (f.gauges.flushLagS = [0, 1, 2, 3])],
  ['persistence-lag', 'problem', (f) => (f.gauges.flushLagS = [0, 2, 4, 9])],
  ['persistence-backlog', 'problem', (f) => (f.gauges.storageUnflushedBytes = [1e7, 2e7, 9e7, 1e8])],
  ['flush-failures', 'problem', (f) => (f.storage.flushFailures = 1)],
  ['script-time', 'notice', (f) => (f.redis.scriptMeanUs = 6_000)],
  ['script-time', 'problem', (f) => (f.redis.scriptMeanUs = 30_000)],
  ['slow-commands', 'notice', (f) => (f.redis.slow = [{id: 1, us: 25_000, what: 'EVALSHA x'}])],
  ['fsync-delays', 'problem', (f) => (f.redis.fsyncDelays = 10 * f.seconds)],
  ['fsync-delays', 'problem', (f) => (f.redis.aofBroken = true)],
  ['redis-memory', 'problem', (f) => ([f.redis.usedBytes, f.redis.maxBytes] = [95, 100])],
  ['postgres-pool', 'problem', (f) => (f.postgres.connections = f.postgres.connectionsMax)],
  ['postgres-waits', 'notice', (f) => (f.postgres.lockWaits = 2)],
  ['postgres-waits', 'problem', (f) => (f.postgres.deadlocks = 1)],
  ['postgres-wal', 'notice', (f) => (f.postgres.checkpointsRequested = 3)],
  ['refused-writes', 'problem', (f) => (f.gateway.refused429PerS = 5)],
  ['refused-writes', 'notice', (f) => (f.sync.refusedPartsPerS = 0.1)],
  ['timeouts', 'notice', (f) => (f.gateway.timeouts = 1)],
  ['sync-queue', 'problem', (f) => (f.gauges.syncQueueBytes = [1e7, 2e7, 2e8, 3e8])],
  ['inflight-writes', 'problem', (f) => (f.gauges.gatewayInflightBytes = [1e7, 2e7, 2e8, 3e8])],
  ['outbound-queue', 'notice', (f) => (f.gauges.gatewayOutboundBytes = [1e6, 2e6, 6e6, 9e6])],
  ['slow-consumers', 'notice', (f) => (f.gateway.slowConsumers = 1)],
  ['slow-consumers', 'problem', (f) => (f.gateway.overloadCloses = f.gateway.connections)],
  ['gaps', 'notice', (f) => (f.sync.feedGaps = 1)],
  ['retries', 'notice', (f) => (f.gateway.retriedParts = 3)],
  ['clocks', 'notice', (f) => (f.sync.clampsPerS = 1)],
  ['gateway-loop-lag', 'notice', (f) => (f.gateway.loopLag.p99 = 0.05)],
  ['sync-loop-lag', 'problem', (f) => (f.sync.loopLag.p99 = 0.5)],
  ['storage-loop-lag', 'problem', (f) => (f.storage.loopLag.p99 = 0.5)],
  ['ack-latency', 'notice', (f) => (f.gateway.ack.p99 = 0.5)],
  ['latency-bound', 'notice', (f) => ([f.idleCores, f.gateway.ack.p50] = [0.8 * f.cores, 0.01])],
  ['commit-round-trip', 'problem', (f) => (f.sync.commit.p99 = 1)],
  ['batching', 'notice', (f) => (f.sync.commitOps.mean = 2)],
  ['commit-conflicts', 'notice', (f) => (f.sync.conflictsPerS = f.sync.commitsPerS / 10)],
  ['cell-cache', 'notice', (f) => (f.sync.cacheMissesPerS = 2 * f.sync.cacheHitsPerS)],
  ['saturated-thread', 'notice', (f) => f.threads.push({process: 'redis', thread: 'redis-server', cores: 0.97})],
  ['steal', 'problem', (f) => (f.stealCores = 0.5 * f.cores)],
  ['descriptors', 'problem', (f) => (f.processes[0].fds = f.processes[0].fdsMax)],
  ['memory-growth', 'problem', (f) => (f.processes.find(({role}) => role === 'gateway').rssGrowthBytesPerS = 1e8)],
  ['memory-left', 'problem', (f) => (f.machine.availableBytes = 0)],
  ['huge-pages', 'notice', (f) => (f.machine.thp = 'always')],
  ['context-switches', 'notice', (f) => (f.processes[0].switchesPerS = 3 * f.gateway.opsPerS)],
];

test('a healthy cluster under load has no finding, and a number for every rule', () => {
  const findings = judge(healthy(), RULES);
  assert.deepEqual(findings.filter(({severity}) => severity !== 'ok'), []);
  assert.deepEqual(findings.map(({id}) => id).sort(), RULES.map(({id}) => id).sort());
  for (const {id, measured} of findings) {
    assert.match(measured, /\w/, id);
    assert.doesNotMatch(measured, /NaN|undefined|Infinity/, id);
  }
});

for (const [id, severity, change] of FIRING) {
  test(`${id} reaches '${severity}'`, () => {
    const facts = healthy();
    change(facts);
    const finding = findingOf(facts, id);
    assert.equal(finding.severity, severity, finding.measured);
    for (const field of ['what', 'measured', 'threshold', 'why', 'next']) assert.ok(finding[field], field);
  });
}

test('every rule is seen firing', () => {
  const fired = new Set(FIRING.map(([id]) => id));
  assert.deepEqual(RULES.map(({id}) => id).filter((id) => !fired.has(id)), []);
});

test('an idle cluster is healthy: rules about load say nothing', () => {
  const facts = healthy();
  const none = {count: 0, mean: 0, p50: 0, p99: 0};
  facts.gateway = {...facts.gateway, opsPerS: 0, ack: none, part: none, partOps: none, laneWait: none};
  facts.sync = {...facts.sync, commit: none, commitOps: none, commitCells: none, commitsPerS: 0, conflictsPerS: 0, cacheHitsPerS: 0, cacheMissesPerS: 0, mergedPerS: 0};
  facts.redis.scriptsPerS = 0;
  facts.threads = [];
  const findings = judge(facts, RULES);
  assert.deepEqual(findings.filter(({severity}) => severity !== 'ok'), []);
  assert.ok(!findings.some(({id}) => ['ack-latency', 'batching', 'commit-round-trip'].includes(id)));
});

test('findings come worst first', () => {
  const facts = healthy();
  facts.machine.thp = 'always';
  facts.redis = {error: 'gone'};
  const severities = judge(facts, RULES).map(({severity}) => severity);
  assert.equal(severities[0], 'problem');
  assert.deepEqual(severities, [...severities].sort((a, b) => ['problem', 'notice', 'ok'].indexOf(a) - ['problem', 'notice', 'ok'].indexOf(b)));
});

test('growth is told from a peak that is over', () => {
  assert.equal(slope([0, 10, 20, 30], 4), 10);
  assert.ok(slope([0, 100, 0, 0], 4) < 0);
  assert.equal(slope([5], 4), 0);
});
