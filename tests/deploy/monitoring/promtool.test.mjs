// The rules are what Prometheus takes, and its own unit tests of them pass: rules/*.test.yml. Without
// promtool (Debian package prometheus) this ends with 77, which is reported as skipped.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

if (spawnSync('promtool', ['--version']).error) {
  console.log('skipped: there is no promtool here; ./topgun deps test installs it');
  process.exit(77);
}
const {parse} = await import('yaml');
const {ruleFiles} = await import('./checks/sources.mjs');
const {rulesOf} = await import('./checks/rules.mjs');

const UNIT_TESTS = fileURLToPath(new URL('rules', import.meta.url));
const unitTestOf = (file) => path.join(UNIT_TESTS, `${path.basename(file, '.yml')}.test.yml`);
const read = (file) => parse(readFileSync(file, 'utf8'));

function promtool(...args) {
  const {status, stdout, stderr} = spawnSync('promtool', args, {encoding: 'utf8', timeout: 120_000});
  assert.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`);
}

for (const file of ruleFiles()) {
  const name = path.basename(file);
  test(`${name}: Prometheus takes it`, () => promtool('check', 'rules', file));
  test(`${name}: unit tests`, () => promtool('test', 'rules', unitTestOf(file)));
  test(`${name}: each alert has a test in which it fires and one in which it does not`, () => {
    const expectations = read(unitTestOf(file)).tests.flatMap((one) => one.alert_rule_test ?? []);
    const tested = (alert, fires) => expectations.some((each) => each.alertname === alert && (each.exp_alerts?.length > 0) === fires);
    const alerts = rulesOf(read(file)).filter((rule) => rule.alert).map((rule) => rule.alert);
    assert.deepEqual(alerts.filter((alert) => !tested(alert, true)), [], 'these are never seen firing');
    assert.deepEqual(alerts.filter((alert) => !tested(alert, false)), [], 'these are never seen quiet');
  });
}

test('no unit tests of rules that are gone', () => {
  const wanted = ruleFiles().map((file) => path.basename(unitTestOf(file)));
  assert.deepEqual(readdirSync(UNIT_TESTS).sort(), wanted.sort());
});
