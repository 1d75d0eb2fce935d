// The Prometheus of a cluster: its settings for a test, and questions to it.
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';

import {until} from './client.mjs';

export class Prometheus {
  // That of a cluster started with `prometheus: true`, from now on reading and evaluating once a second. Groups of `ruleFiles` keep no
  // interval of their own.
  static async of(cluster, ruleFiles) {
    const file = path.join(cluster.dir, 'run/prometheus.yml');
    const rules = path.join(cluster.dir, 'run/rules');
    mkdirSync(rules);
    for (const each of ruleFiles) {
      writeFileSync(path.join(rules, path.basename(each)), readFileSync(each, 'utf8').replace(/^ +interval: .*\n/gm, ''));
    }
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/_interval: .*/g, '_interval: 1s')
                      .replace(/^rule_files: .*/m, `rule_files: ["${rules}/*.yml"]`));
    const [{pid, ports}] = await cluster.processes('prometheus');
    const prometheus = new Prometheus(`http://127.0.0.1:${ports.admin}`);
    await until(() => prometheus.ready(), 'Prometheus to be ready', 60_000);
    process.kill(pid, 'SIGHUP');
    await until(async () => (await prometheus.get('status/config')).yaml.includes(rules), 'Prometheus to take its new settings');
    return prometheus;
  }

  constructor(url) {
    this.url = url;
  }

  async ready() {
    const response = await fetch(`${this.url}/-/ready`).catch(() => undefined);
    return response?.ok;
  }

  // The `data` of an answer of its API; throws with Prometheus' own words.
  async get(what, parameters = {}) {
    const response = await fetch(`${this.url}/api/v1/${what}?${new URLSearchParams(parameters)}`);
    const answer = await response.json();
    if (answer.status !== 'success') throw new Error(`${what} ${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.data;
  }

  // The numbers that a query gives now: [{metric, value}].
  async query(expression) {
    const {resultType, result} = await this.get('query', {query: expression});
    if (resultType === 'scalar') return [{metric: {}, value: Number(result[1])}];
    return result.map(({metric, value}) => ({metric, value: Number(value[1])}));
  }

  // The names of all metrics of the targets that `matcher` selects.
  names(matcher) {
    return this.get('label/__name__/values', {'match[]': `{${matcher}}`});
  }

  // Rules that could not be evaluated, with the reason.
  async failedRules() {
    const {groups} = await this.get('rules');
    return groups.flatMap(({rules}) => rules).filter(({lastError}) => lastError).map(({name, lastError}) => `${name}: ${lastError}`);
  }
}
