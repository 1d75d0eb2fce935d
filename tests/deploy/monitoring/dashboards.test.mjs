// Every dashboard: complete panels, variables, queries of metrics that exist. Each check is also shown to
// catch what it is for.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {parse} from 'yaml';

import {checkDashboard, checkUids, expressionsOf, panelsOf} from './checks/dashboards.mjs';
import {DASHBOARDS, MONITORING, readSources} from './checks/sources.mjs';

const {catalog, dashboards} = readSources();
const check = (dashboard) => checkDashboard(dashboard, catalog);

test('the dashboards are those of their sources', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'topgun-dashboards-'));
  try {
    execFileSync('node', [path.join(MONITORING, 'grafana/generate.mjs'), dir]);
    assert.deepEqual(readdirSync(DASHBOARDS).sort(), readdirSync(dir).sort());
    for (const file of readdirSync(dir)) {
      const [now, then] = [dir, DASHBOARDS].map((folder) => readFileSync(path.join(folder, file), 'utf8'));
      assert.equal(then, now, `${file} is out of date: run node deploy/monitoring/grafana/generate.mjs and commit it`);
    }
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
});

test('there is a dashboard for each question', () => {
  const uids = dashboards.map(({uid}) => uid);
  for (const name of ['overview', 'gateway', 'sync', 'stores', 'loadgen', 'capacity']) assert.ok(uids.includes(`topgun-${name}`), name);
  assert.deepEqual(checkUids(dashboards), []);
});

for (const dashboard of dashboards) {
  test(`${dashboard.title}: nothing is wrong`, () => assert.deepEqual(check(dashboard), []));
}

test('a plain Grafana is told where they are, and which data source they ask', () => {
  const read = (file) => parse(readFileSync(path.join(MONITORING, 'grafana/provisioning', file), 'utf8'));
  const [provider] = read('dashboards/topgun.yml').providers;
  assert.equal(provider.type, 'file');
  assert.ok(provider.options.path);
  assert.equal(read('datasources/topgun.yml').datasources[0].type, 'prometheus');
});

// A dashboard with something broken in it, and what is found.
function broken(change) {
  const copy = structuredClone(dashboards.find(({uid}) => uid === 'topgun-gateway'));
  const panel = (title) => panelsOf(copy).find((each) => each.title === title);
  change(copy, panel);
  return check(copy);
}

const NEGATIVES = {
  'a panel without a unit': [(_, panel) => { delete panel('Open').fieldConfig.defaults.unit; }, /Open: no unit/],
  'a panel without a description': [(_, panel) => { panel('Open').description = ' '; }, /Open: no description/],
  'a panel without a query': [(_, panel) => { panel('Open').targets = []; }, /Open: no query/],
  'a panel with a fixed data source': [(_, panel) => { panel('Open').datasource.uid = 'P123'; }, /Open: does not use the variable/],
  'a query with a fixed data source': [(_, panel) => { panel('Open').targets[0].datasource = {uid: 'P123'}; }, /Open: query A does not use the variable/],
  'an id that comes twice': [(_, panel) => { panel('Open').id = panel('Drain').id; }, /id \d+ is no number or comes twice/],
  'a missing variable': [(copy) => { copy.templating.list = copy.templating.list.filter(({name}) => name !== 'instance'); }, /no variable instance of type query/],
  'a variable that is not declared': [(_, panel) => { panel('Open').targets[0].expr += ' > $limit'; }, /there is no variable \$limit/],
  'a variable that asks an unknown metric': [(copy) => {
    copy.templating.list.find(({name}) => name === 'job').query.query = 'label_values(gateway_sockets, job)';
  }, /variable job: there is no metric gateway_sockets/],
  'an annotation about an unknown metric': [(copy) => { copy.annotations.list[0].expr = 'process_starts'; }, /annotation .*: there is no metric process_starts/],
  'a query that ignores the variables': [(_, panel) => { panel('Open').targets[0].expr = 'sum by (instance) (gateway_connections)'; }, /is not limited to \$job, \$instance/],
  'a fixed window': [(_, panel) => {
    const target = panel('Closed by reason').targets[0];
    target.expr = target.expr.replace('$__rate_interval', '5m');
  }, /a window of 5m: use \$__rate_interval/],
  'a legend with a label that is gone': [(_, panel) => { panel('Open').targets[0].legendFormat = '{{reason}}'; }, /the legend names reason/],
};

for (const [what, [change, finding]] of Object.entries(NEGATIVES)) {
  test(`found: ${what}`, () => {
    const findings = broken(change);
    assert.ok(findings.some((text) => finding.test(text)), `${finding} is not in:\n${findings.join('\n')}`);
  });
}

test('found: two dashboards with one uid', () => {
  assert.equal(checkUids([...dashboards, dashboards[0]]).length, 1);
});

test('queries are found wherever a dashboard has them', () => {
  const wheres = expressionsOf(dashboards[0]).map(({where}) => where).join('\n');
  for (const place of [/annotation Starts of processes/, /variable namespace/, /variable job/, /variable instance/]) assert.match(wheres, place);
});
