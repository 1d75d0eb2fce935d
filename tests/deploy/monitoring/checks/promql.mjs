// What is wrong with a PromQL expression that a parser alone does not see: metrics and labels that nobody
// has, values that a label never takes, quantiles of something else than buckets, rates of gauges.
import {parser} from '@prometheus-io/lezer-promql';

// Kinds of metric by function.
const FOR_COUNTERS = new Set(['rate', 'irate', 'increase', 'resets']);
const FOR_GAUGES = new Set(['deriv', 'delta', 'idelta', 'predict_linear']);
const SET_OPERATORS = new Set(['And', 'Or', 'Unless']);

// Puts values where Grafana's variables are. Throws for a variable that nobody declares.
export function concrete(expression, values, rateInterval = '1m') {
  return expression
      .replaceAll(/\$__(rate_interval|interval|range)\b/g, rateInterval)
      .replaceAll(/\$\{?(\w+)\}?/g, (whole, name) => {
        if (!(name in values)) throw new Error(`there is no variable ${whole}`);
        return values[name];
      });
}

// {findings: [text], labels: Set of those that the result may have, selectors: [{name, matchers}]}
// `catalog`: Map of {type, labels: Map of label to a Set of values, or null for any}.
export function inspect(expression, catalog) {
  const found = {findings: [], selectors: []};
  const tree = parser.parse(expression);
  tree.iterate({enter(node) {
    if (node.type.isError) {
      const rest = expression.slice(node.from, node.from + 20);
      found.findings.push(`syntax error at character ${node.from}${rest ? `, before "${rest}"` : ''}`);
    }
  }});
  if (found.findings.length > 0) return {...found, labels: new Set()};
  const labels = new Walk(expression, catalog, found).labelsOf(tree.topNode.firstChild);
  // Nothing can be said about the labels of what is not there.
  const unknown = found.findings.filter((text) => text.startsWith('there is no metric'));
  return {...found, findings: unknown.length > 0 ? unknown : found.findings, labels};
}

class Walk {
  constructor(text, catalog, {findings, selectors}) {
    Object.assign(this, {text, catalog, findings, selectors});
  }

  textOf(node) {
    return this.text.slice(node.from, node.to);
  }

  // The labels that the value of an expression may have; reports what is wrong on the way.
  labelsOf(node) {
    switch (node.name) {
      case 'VectorSelector': return this.selector(node);
      case 'AggregateExpr': return this.aggregation(node);
      case 'BinaryExpr': return this.operation(node);
      case 'FunctionCall': return this.call(node);
      default: return union(childrenOf(node).map((child) => this.labelsOf(child)));
    }
  }

  selector(node) {
    const matchers = this.matchers(node);
    const name = node.getChild('Identifier') ? this.textOf(node.getChild('Identifier'))
                                             : matchers.find((matcher) => matcher.label === '__name__')?.value;
    this.selectors.push({name, matchers});
    const metric = this.catalog.get(name);
    if (!metric) {
      this.findings.push(`there is no metric ${name}`);
      return new Set();
    }
    for (const matcher of matchers) this.checkMatcher(name, metric, matcher);
    return new Set(metric.labels.keys());
  }

  matchers(node) {
    const list = node.getChild('LabelMatchers');
    return childrenOf(list).filter((child) => child.name.endsWith('LabelMatcher')).map((child) => ({
      label: unquoted(this.textOf(child.firstChild)),
      operator: this.textOf(child.getChild('MatchOp')),
      value: unquoted(this.textOf(child.lastChild)),
    }));
  }

  checkMatcher(name, metric, {label, operator, value}) {
    if (label === '__name__') return;
    if (!metric.labels.has(label)) {
      this.findings.push(`${name} has no label ${label}`);
      return;
    }
    const values = metric.labels.get(label);
    if (!values) return;
    const regular = operator.endsWith('~');
    // Each alternative of its own, where they are plain words.
    const wanted = regular && /^[\w|-]+$/.test(value) ? value.split('|') : [value];
    for (const one of wanted) {
      const takes = regular ? [...values].some((each) => new RegExp(`^(?:${one})$`).test(each)) : values.has(one);
      if (!takes) this.findings.push(`${label} of ${name} is never ${one}: it is one of ${[...values].join(', ')}`);
    }
  }

  aggregation(node) {
    const inner = this.labelsOf(argumentsOf(node).at(-1));
    const modifier = node.getChild('AggregateModifier');
    const names = modifier ? this.grouping(modifier.getChild('GroupingLabels')) : [];
    for (const label of names) {
      if (!inner.has(label)) this.findings.push(`${this.textOf(modifier)}: what it aggregates has no label ${label}`);
    }
    const kind = this.textOf(node.getChild('AggregateOp')).toLowerCase();
    if (kind === 'count_values') return new Set([...names, unquoted(this.textOf(argumentsOf(node)[0]))]);
    if (modifier?.getChild('Without')) return without(inner, names);
    if (['topk', 'bottomk', 'limitk', 'limit_ratio'].includes(kind)) return inner;
    return new Set(names);
  }

  operation(node) {
    const [left, right] = [node.firstChild, node.lastChild].map((side) => this.labelsOf(side));
    const modifier = node.getChild('MatchingModifierClause');
    const [names = [], included = []] = modifier?.getChildren('GroupingLabels').map((group) => this.grouping(group)) ?? [];
    for (const label of names) {
      if (!left.has(label) && !right.has(label)) this.findings.push(`${this.textOf(modifier)}: neither side has a label ${label}`);
    }
    const operator = childrenOf(node)[1].name;
    if (operator === 'Or') return union([left, right]);
    if (SET_OPERATORS.has(operator)) return left;
    if (modifier?.getChild('GroupLeft')) return union([left, included]);
    if (modifier?.getChild('GroupRight')) return union([right, included]);
    if (modifier?.getChild('On')) return new Set(names);
    if (modifier?.getChild('Ignoring')) return without(left, names);
    return union([left, right]);  // one of them may be a number
  }

  call(node) {
    const name = this.textOf(node.getChild('FunctionIdentifier'));
    const args = argumentsOf(node);
    const labels = union(args.map((argument) => this.labelsOf(argument)));
    this.checkKind(name, node);
    if (name === 'histogram_quantile') {
      this.checkBuckets(args[1]);
      return without(labels, ['le']);
    }
    if (name === 'label_replace' || name === 'label_join') return union([labels, [unquoted(this.textOf(args[1]))]]);
    return ['scalar', 'vector', 'time'].includes(name) ? new Set() : labels;
  }

  // A quantile is one of buckets that were added up by bound; anything else gives a number that means nothing.
  checkBuckets(argument) {
    let buckets = argument;
    while (buckets?.name === 'ParenExpr') buckets = childrenOf(buckets)[0];
    const groups = buckets?.name === 'AggregateExpr' && buckets.getChild('AggregateModifier')?.getChild('By')
      ? this.grouping(buckets.getChild('AggregateModifier').getChild('GroupingLabels')) : [];
    const summed = groups.includes('le') && this.textOf(buckets.getChild('AggregateOp')) === 'sum';
    const recorded = buckets?.name === 'VectorSelector' && this.catalog.get(this.textOf(buckets.getChild('Identifier')))?.recorded;
    if (!summed && !recorded) this.findings.push('histogram_quantile without sum by (le)');
  }

  checkKind(name, node) {
    const wrong = FOR_COUNTERS.has(name) ? 'gauge' : FOR_GAUGES.has(name) ? 'counter' : undefined;
    const range = argumentsOf(node).find((argument) => argument.name === 'MatrixSelector');
    const metric = range && this.textOf(range.getChild('VectorSelector').getChild('Identifier'));
    if (wrong && this.catalog.get(metric)?.type === wrong) this.findings.push(`${name} of the ${wrong} ${metric}`);
  }

  grouping(node) {
    return node.getChildren('LabelName').map((label) => this.textOf(label));
  }
}

function childrenOf(node) {
  const children = [];
  for (let child = node?.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

const argumentsOf = (node) => childrenOf(node.getChild('FunctionCallBody'));
const union = (sets) => new Set(sets.flatMap((set) => [...set]));
const without = (set, names) => new Set([...set].filter((label) => !names.includes(label)));
const unquoted = (text) => text.replace(/^(["'`])(.*)\1$/s, '$2');
