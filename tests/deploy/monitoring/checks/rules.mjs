// What is wrong with rules and with the metrics that autoscalers ask for.
import {inspect} from './promql.mjs';

export const rulesOf = (file) => file.groups.flatMap((group) => group.rules.map((rule) => ({...rule, group: group.name})));
const nameOf = (rule) => `${rule.group}: ${rule.record ?? rule.alert}`;

export function checkRules(rules, catalog) {
  return rules.flatMap((rule) => {
    const {findings, labels} = inspect(String(rule.expr), catalog);
    const known = new Set([...labels, ...Object.keys(rule.labels ?? {})]);
    const texts = Object.values(rule.annotations ?? {}).join('\n');
    const named = findings.length > 0 ? [] : [...texts.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
    return [
      ...findings,
      ...named.filter((label) => !known.has(label)).map((label) => `an annotation names ${label}, which the result does not have`),
    ].map((text) => `${nameOf(rule)}: ${text}`);
  });
}

// PromQL of the custom metrics that autoscalers use: {where, expr}.
export function autoscalerExpressions(objects, adapter) {
  return [
    ...objects.filter(({kind}) => kind === 'HorizontalPodAutoscaler').flatMap((object) => object.spec.metrics
        .filter(({type}) => type === 'Pods').map(({pods}) => ({where: object.metadata.name, expr: pods.metric.name}))),
    ...adapter.rules.custom.map(({seriesQuery}) => ({where: 'prometheus-adapter', expr: seriesQuery})),
  ];
}

export const checkExpressions = (expressions, catalog) => expressions.flatMap(({where, expr}) =>
  inspect(expr, catalog).findings.map((text) => `${where}: ${text}`));
