// The generated parts of deploy/monitoring are those of its rules and dashboards.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {needKubectl, render, REPOSITORY, withFolder} from './kustomize.mjs';

needKubectl();
const {parse} = await import('./targets.mjs');

const MONITORING = path.join(REPOSITORY, 'deploy/monitoring');
const GENERATED = ['kustomization.yaml', 'prometheus-rules.yaml'];

test('the generated files are up to date', () => {
  withFolder((dir) => {
    execFileSync(path.join(MONITORING, 'generate.sh'), [dir]);
    for (const file of GENERATED) {
      const [now, then] = [dir, MONITORING].map((folder) => path.join(folder, file))
          .map((name) => existsSync(name) ? readFileSync(name, 'utf8') : '');
      assert.equal(then, now, `${file} is out of date: run deploy/monitoring/generate.sh and commit it`);
    }
  });
});

test('rules and dashboards arrive as they are', () => {
  withFolder((dir) => {
    const monitoring = path.join(dir, 'monitoring');
    for (const folder of ['rules', 'dashboards']) mkdirSync(path.join(monitoring, folder), {recursive: true});
    for (const file of ['generate.sh', 'pod-monitor.yaml']) cpSync(path.join(MONITORING, file), path.join(monitoring, file));
    const rules = 'groups:\n  - name: a\n    rules:\n      - alert: B\n        expr: |\n          sum(c)\n\n          > 1\n';
    const dashboard = '{"title": "$__rate_interval"}\n';
    writeFileSync(path.join(monitoring, 'rules/burn_rate.yml'), rules);
    writeFileSync(path.join(monitoring, 'dashboards/overview.json'), dashboard);
    execFileSync(path.join(monitoring, 'generate.sh'));
    writeFileSync(path.join(dir, 'kustomization.yaml'), 'components: [monitoring]\n');
    const objects = parse(render(dir));
    const rule = objects.find((object) => object.kind === 'PrometheusRule');
    assert.equal(rule.metadata.name, 'topgun-burn-rate');
    assert.deepEqual(rule.spec, parse(rules)[0]);
    const map = objects.find((object) => object.kind === 'ConfigMap');
    assert.equal(map.metadata.labels.grafana_dashboard, '1');
    assert.equal(map.data['overview.json'], dashboard);
  });
});
