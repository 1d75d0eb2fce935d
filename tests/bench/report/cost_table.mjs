// CPU per operation by kind of process: what every form of the report shows. Pure.

// {kinds, lines: [{label, point, costs}]} of the points for which it means something; services of one kind are one column.
export function costTable(rows) {
  const lines = rows.flatMap((row) => row.points.filter(({totalCost}) => totalCost !== null).map((point) => ({
    label: point.name === 'all' ? row.name : `${row.name} ${point.name}`,
    point,
    costs: byKind(point.costs),
  })));
  return {kinds: [...new Set(lines.flatMap(({costs}) => Object.keys(costs)))], lines};
}

// Costs of gateway-0, gateway-1, ... as one of `gateway`.
export function byKind(costs) {
  const sums = {};
  for (const [name, value] of Object.entries(costs)) {
    const kind = name.replace(/-\d+$/, '');
    sums[kind] = (sums[kind] ?? 0) + value;
  }
  return sums;
}
