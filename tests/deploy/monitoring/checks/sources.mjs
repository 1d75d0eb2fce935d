// The files of the repository that ask for metrics.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {parse} from 'yaml';

import {addRecorded, documented, seriesOf} from './catalog.mjs';
import {autoscalerExpressions, rulesOf} from './rules.mjs';

export const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));
export const MONITORING = path.join(REPOSITORY, 'deploy/monitoring');
export const DASHBOARDS = path.join(MONITORING, 'dashboards');
const AUTOSCALING = path.join(REPOSITORY, 'deploy/kubernetes/components/autoscaling');

const filesOf = (dir, extension) => !existsSync(dir) ? [] :
  readdirSync(dir).filter((name) => extension.test(name)).sort().map((name) => path.join(dir, name));
const text = (file) => readFileSync(file, 'utf8');

export const ruleFiles = () => filesOf(path.join(MONITORING, 'rules'), /\.ya?ml$/);

export function readSources() {
  const metrics = documented(path.join(REPOSITORY, 'docs/metrics.md'));
  const catalog = seriesOf(metrics);
  const rules = ruleFiles().flatMap((file) => rulesOf(parse(text(file))));
  addRecorded(catalog, rules);
  const scalers = filesOf(AUTOSCALING, /^(gateway|sync)\.yaml$/).map((file) => parse(text(file)));
  return {
    metrics,
    catalog,
    rules,
    dashboards: filesOf(DASHBOARDS, /\.json$/).map((file) => JSON.parse(text(file))),
    autoscalers: autoscalerExpressions(scalers, parse(text(path.join(AUTOSCALING, 'prometheus-adapter.yaml')))),
  };
}
