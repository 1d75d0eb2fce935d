// Every alert says what it is and how bad, and has a runbook; runbooks tell nobody to use what there is not.
import assert from 'node:assert/strict';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {checkRunbook, runbookOf} from './checks/runbooks.mjs';
import {readSources, REPOSITORY} from './checks/sources.mjs';

const {catalog, metrics, rules} = readSources();
const RUNBOOKS = path.join(REPOSITORY, 'docs/runbooks');
const read = (file) => readFileSync(path.join(REPOSITORY, file), 'utf8');
const namesIn = (dir, extension) =>
  readdirSync(path.join(REPOSITORY, dir)).filter((name) => name.endsWith(extension)).map((name) => path.basename(name, extension));

// Verbs by the table of docs/topgunctl.md, which a test of topgunctl compares with the program.
const verbsOfCtl = [...read('docs/topgunctl.md').split('## Verbs')[1].split('##')[0].matchAll(/^\| `(\w+)/gm)].map(([, verb]) => verb);
const known = {
  ctl: new Set(verbsOfCtl),
  topgun: new Set(namesIn('deploy/local/lib', '.sh')),
  modes: new Set(namesIn('deploy/local/profile', '.mjs')),
  // topgunctl's own options as well.
  settings: new Set([...(read('docs/configuration.md') + read('docs/topgunctl.md')).match(/--[a-z][a-z-]*/g), '--tls', '--previous']),
  metrics: new Set([...catalog.keys(), ...metrics.keys()]),
  exists: (target) => existsSync(path.join(RUNBOOKS, target)),
};
const alerts = rules.filter((rule) => rule.alert);

test('there are alerts, and each has one meaning', () => {
  assert.ok(alerts.length > 30, `${alerts.length} alerts`);
  assert.equal(new Set(alerts.map((rule) => rule.alert)).size, alerts.length);
});

for (const {alert, labels, annotations} of alerts) {
  test(`${alert}: severity, words, runbook`, () => {
    assert.match(alert, /^TopGun[A-Z]/);
    assert.ok(['critical', 'warning'].includes(labels.severity), `severity ${labels.severity}`);
    for (const words of ['summary', 'description']) assert.ok(annotations[words]?.length > 10, `no ${words}`);
    assert.equal(annotations.runbook_url, runbookOf(alert));
    const page = read(annotations.runbook_url);
    assert.ok(page.startsWith(`# ${alert}\n`));
    assert.match(page, new RegExp(`Severity ${labels.severity}`));
    for (const part of ['Confirm', 'Do', 'Escalate']) assert.match(page, new RegExp(`^## ${part}\n\n\\S`, 'm'), `no ${part}`);
    assert.deepEqual(checkRunbook(page, known), []);
  });
}

test('recording rules are called level:metric:operations', () => {
  for (const {record} of rules.filter((rule) => rule.record)) assert.match(record, /^[a-z_]+:[a-z_]+:[a-z0-9_]+$/);
});

test('no runbook without an alert, and the index has them all', () => {
  const pages = readdirSync(RUNBOOKS).filter((name) => name !== 'README.md');
  assert.deepEqual(pages.sort(), alerts.map((rule) => `${rule.alert}.md`).sort());
  const index = read('docs/runbooks/README.md');
  for (const {alert, labels, annotations} of alerts) {
    assert.ok(index.includes(`| [${alert}](${alert}.md) | ${labels.severity} | ${annotations.summary} |`), `${alert} is not in the index as it is`);
  }
  assert.deepEqual(checkRunbook(index, known), []);
});

test('the page of objectives names what the rules have', () => {
  const page = read('docs/slo.md');
  const slos = new Set(alerts.map((rule) => rule.labels.slo).filter(Boolean));
  assert.equal(slos.size, 2);
  for (const slo of slos) assert.ok(page.includes(`\`${slo}\``), slo);
  for (const [, alert] of page.matchAll(/`(TopGun\w+)`/g)) assert.ok(alerts.some((rule) => rule.alert === alert), alert);
});

const NEGATIVES = [
  ['```sh\ntopgunctl explode\n```', 'topgunctl has no verb explode'],
  ['`./topgun explode`', './topgun has no verb explode'],
  ['```sh\n./topgun profile guess   # what\n```', './topgun profile has no mode guess'],
  ['```sh\nrm -rf /\n```', 'rm is no program that runbooks use'],
  ['```sh\nredis-cli info | frob\n```', 'frob is no program that runbooks use'],
  ['look at `gateway_sockets`', 'there is no metric gateway_sockets'],
  ['```sh\ncurl -s x | grep -E \'sync_(shards_open|shards_shut)\'\n```', 'there is no metric sync_shards_shut'],
  ['look at `namespace:gateway_ops:rate7m`', 'there is no metric namespace:gateway_ops:rate7m'],
  ['raise `--sockets-max`', 'there is no setting --sockets-max'],
  ['see [this](Nothing.md#part)', 'there is no page Nothing.md'],
];
for (const [page, finding] of NEGATIVES) {
  test(`found: ${finding}`, () => assert.deepEqual(checkRunbook(page, known), [finding]));
}
