// What is wrong with a dashboard: Grafana shows most of it as an empty panel only.
import {concrete, inspect} from './promql.mjs';

const VARIABLES = {datasource: 'datasource', job: 'query', instance: 'query'};
const DATASOURCE = '${datasource}';

export const panelsOf = (dashboard) => dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
const queried = (dashboard) => panelsOf(dashboard).filter((panel) => panel.type !== 'row');

// What to put where the variables are: everything.
export const valuesOf = (dashboard) => Object.fromEntries(dashboard.templating.list.map(({name}) => [name, '.*']));

// Every PromQL expression with a name for messages: {where, expr, legend}.
export function expressionsOf(dashboard) {
  const name = dashboard.title;
  return [
    ...queried(dashboard).flatMap((panel) => panel.targets.map(({expr, legendFormat}) =>
      ({where: `${name}: ${panel.title}`, expr, legend: legendFormat, panel}))),
    ...(dashboard.annotations?.list ?? []).filter(({expr}) => expr).map(({name: title, expr, titleFormat}) =>
      ({where: `${name}: annotation ${title}`, expr, legend: titleFormat})),
    ...dashboard.templating.list.filter(({type}) => type === 'query').map((variable) => {
      const [, expr, label] = /^label_values\((.+), (\w+)\)$/.exec(variable.query.query) ?? [];
      return {where: `${name}: variable ${variable.name}`, expr: expr ?? '', legend: `{{${label}}}`, variable};
    }),
  ];
}

export function checkDashboard(dashboard, catalog) {
  return [...checkVariables(dashboard), ...checkPanels(dashboard), ...checkQueries(dashboard, catalog)];
}

// Two with one uid: Grafana keeps the one it reads last.
export function checkUids(dashboards) {
  const uids = dashboards.map(({uid}) => uid);
  return uids.filter((uid, i) => !uid || uids.indexOf(uid) !== i).map((uid) => `uid ${uid} is missing or comes twice`);
}

function checkVariables({title, templating}) {
  return Object.entries(VARIABLES).filter(([name, type]) => !templating.list.some((one) => one.name === name && one.type === type))
      .map(([name, type]) => `${title}: no variable ${name} of type ${type}`);
}

function checkPanels(dashboard) {
  const findings = [];
  const ids = new Set();
  for (const panel of panelsOf(dashboard)) {
    const report = (text) => findings.push(`${dashboard.title}: ${panel.title}: ${text}`);
    if (!Number.isInteger(panel.id) || ids.has(panel.id)) report(`id ${panel.id} is no number or comes twice`);
    ids.add(panel.id);
    if (panel.type === 'row') continue;
    if (!panel.description?.trim()) report('no description');
    if (!panel.fieldConfig?.defaults?.unit) report('no unit');
    if (!panel.targets?.length) report('no query');
    if (panel.datasource?.uid !== DATASOURCE) report('does not use the variable for the data source');
    const refs = (panel.targets ?? []).map(({refId}) => refId);
    if (new Set(refs).size !== refs.length) report('two queries with one refId');
    for (const target of panel.targets ?? []) {
      if (target.datasource?.uid !== DATASOURCE) report(`query ${target.refId} does not use the variable for the data source`);
    }
  }
  return findings;
}

function checkQueries(dashboard, catalog) {
  const findings = [];
  const values = valuesOf(dashboard);
  for (const {where, expr, legend, panel} of expressionsOf(dashboard)) {
    const report = (text) => findings.push(`${where}: ${text}`);
    for (const [, window] of expr.matchAll(/\[([^\]]*)\]/g)) {
      if (!['$__rate_interval', '$__range'].includes(window)) report(`a window of ${window}: use $__rate_interval`);
    }
    let query;
    try {
      query = concrete(expr, values);
    } catch (error) {
      report(error.message);
      continue;
    }
    const {findings: wrong, labels, selectors} = inspect(query, catalog);
    wrong.forEach(report);
    for (const [, label] of legend?.matchAll(/\{\{\s*(\w+)\s*\}\}/g) ?? []) {
      if (wrong.length === 0 && !labels.has(label)) report(`the legend names ${label}, which the result does not have`);
    }
    if (!panel) continue;
    for (const {name, matchers} of selectors) {
      const missing = ['job', 'instance'].filter((label) => !matchers.some((matcher) => matcher.label === label));
      if (missing.length > 0) report(`${name} is not limited to $${missing.join(', $')}`);
    }
  }
  return findings;
}
