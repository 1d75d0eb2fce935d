// Numbers as people read them.

export function ms(seconds) {
  const value = seconds * 1000;
  if (value >= 100) return `${value.toFixed(0)} ms`;
  return `${value >= 1 ? value.toFixed(1) : value.toFixed(2)} ms`;
}

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let rest = Math.abs(value);
  let unit = 0;
  while (rest >= 1024 && unit < units.length - 1) [rest, unit] = [rest / 1024, unit + 1];
  return `${value < 0 ? '-' : ''}${rest.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}

export function count(value) {
  return value >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
}

export function percent(share) {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}
