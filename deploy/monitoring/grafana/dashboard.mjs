// Dashboards of Grafana from rows of panels: variables, layout, ids and what else all of them share.

const DATASOURCE = {type: 'prometheus', uid: '${datasource}'};
const COLUMNS = 24;
const HEIGHT = 8;

// Which dashboards these are, for the links from one to the others.
const TAG = 'topgun';

// `anchor`: a metric that the jobs of this dashboard have and others have not.
export function dashboard({uid, title, description, anchor = 'topgun_build_info', rows}) {
  return {
    uid: `topgun-${uid}`,
    title: `TopGun / ${title}`,
    description,
    tags: [TAG],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,  // one crosshair over all panels
    refresh: '30s',
    time: {from: 'now-1h', to: 'now'},
    timezone: 'browser',
    links: [{type: 'dashboards', title: 'TopGun', tags: [TAG], asDropdown: true, includeVars: true, keepTime: true}],
    annotations: {list: [starts()]},
    templating: {list: variables(anchor)},
    panels: layOut(rows),
  };
}

// A line in every graph where a process began: deployments, and what went wrong.
function starts() {
  return {
    name: 'Starts of processes',
    enable: true,
    datasource: DATASOURCE,
    expr: 'process_start_time_seconds{namespace=~"$namespace", job=~"$job", instance=~"$instance"} * 1000',
    useValueForTime: 'on',
    titleFormat: '{{job}} {{instance}} started',
    iconColor: 'blue',
  };
}

function variables(anchor) {
  const namespace = 'namespace=~"$namespace"';
  return [
    {name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus'},
    // Outside of Kubernetes there is no such label.
    choice('namespace', 'Namespace', `label_values(${anchor}, namespace)`, '.*'),
    // All of TopGun: other programs have metrics of the same names, such as process_cpu_seconds_total.
    choice('job', 'Job', `label_values(${anchor}{${namespace}}, job)`),
    choice('instance', 'Instance', `label_values(${anchor}{${namespace}, job=~"$job"}, instance)`, '.*'),
  ];
}

// `all` is what "All" means; by default one of the values that there are.
function choice(name, label, query, all) {
  return {
    name, label, type: 'query', datasource: DATASOURCE, query: {query, refId: name}, refresh: 2, sort: 1,
    multi: true, includeAll: true, ...(all && {allValue: all}), current: {text: ['All'], value: ['$__all']},
  };
}

function layOut(rows) {
  const panels = [];
  let y = 0;
  let id = 0;
  for (const {title, panels: inside} of rows) {
    panels.push({id: ++id, type: 'row', title, collapsed: false, gridPos: {x: 0, y, w: COLUMNS, h: 1}, panels: []});
    ++y;
    let x = 0;
    let tallest = 0;
    for (const {width, height, ...panel} of inside) {
      if (x + width > COLUMNS) {
        x = 0;
        y += tallest;
        tallest = 0;
      }
      panels.push({id: ++id, ...panel, gridPos: {x, y, w: width, h: height}});
      x += width;
      tallest = Math.max(tallest, height);
    }
    y += tallest;
  }
  return panels;
}

export const row = (title, ...panels) => ({title, panels});

// Lines over time. `series`: {legend: PromQL}. Units are Grafana's.
export function graph(title, unit, description, series, {width = 8, stacked = false, max} = {}) {
  return {
    ...panel('timeseries', title, unit, description, series, {
      min: 0,
      ...(max !== undefined && {max}),
      custom: {
        lineWidth: 1, fillOpacity: stacked ? 40 : 8, showPoints: 'never', spanNulls: false,
        stacking: {mode: stacked ? 'normal' : 'none', group: 'A'},
      },
    }),
    options: {
      legend: {displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'], showLegend: true},
      tooltip: {mode: 'multi', sort: 'desc'},
    },
    width,
    height: HEIGHT,
  };
}

// One number; `warn` and `bad` are where it becomes yellow and red.
export function stat(title, unit, description, query, {warn, bad, width = 4} = {}) {
  const steps = [{color: 'green', value: null}];
  if (warn !== undefined) steps.push({color: 'yellow', value: warn});
  if (bad !== undefined) steps.push({color: 'red', value: bad});
  return {
    ...panel('stat', title, unit, description, {[title]: query}, {thresholds: {mode: 'absolute', steps}}),
    options: {
      colorMode: 'value', graphMode: 'area', justifyMode: 'auto', textMode: 'value',
      reduceOptions: {calcs: ['lastNotNull'], fields: '', values: false},
    },
    width,
    height: 4,
  };
}

function panel(type, title, unit, description, series, defaults) {
  return {
    type, title, description, datasource: DATASOURCE,
    fieldConfig: {defaults: {unit, ...defaults}, overrides: []},
    targets: Object.entries(series).map(([legendFormat, expr], i) =>
      ({refId: String.fromCharCode('A'.charCodeAt(0) + i), datasource: DATASOURCE, expr, legendFormat, range: true})),
  };
}
