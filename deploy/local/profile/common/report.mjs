// Profiles as text: what each function costs by itself (flat) and with all it calls (cumulative).

const NAME_WIDTH_MAX = 90;

// shorten('../../gateway/loop.cc') -> 'gateway/loop.cc'; of system headers the file only.
export function shortPath(file) {
  const ours = /(?:^|\/)((?:gateway|sync-service|storage-service|lib|loadgen|protos)\/.*)$/.exec(file);
  return ours ? ours[1] : file.slice(file.lastIndexOf('/') + 1);
}

// tally(samples, index): { total, functions: [{ name, file, flat, cumulative }] }, flat first.
export function tally(samples, index) {
  const functions = new Map();
  let total = 0;
  for (const { values, frames } of samples) {
    const value = values[index];
    total += value;
    const seen = new Set();
    frames.forEach((frame, depth) => {
      let entry = functions.get(frame.name);
      if (!entry) {
        entry = { name: frame.name, file: frame.file, line: frame.line, flat: 0, cumulative: 0 };
        functions.set(frame.name, entry);
      }
      if (depth === 0) entry.flat += value;
      if (!seen.has(frame.name)) entry.cumulative += value;
      seen.add(frame.name);
    });
  }
  const sorted = [...functions.values()].sort(
    (a, b) => b.flat - a.flat || b.cumulative - a.cumulative,
  );
  return { total, functions: sorted };
}

function percent(part, total) {
  return total === 0 ? '-' : `${((100 * part) / total).toFixed(1)}%`;
}

function clip(name) {
  return name.length > NAME_WIDTH_MAX ? `${name.slice(0, NAME_WIDTH_MAX - 3)}...` : name;
}

// functionTable({ total, functions }, { rows, format, sort: 'flat' | 'cumulative' }): lines of text.
export function functionTable({ total, functions }, { rows, format, sort = 'flat' }) {
  const sorted = [...functions].sort((a, b) => b[sort] - a[sort]);
  const shown = sorted.filter((entry) => entry[sort] > 0).slice(0, rows);
  const lines = ['      flat   flat%        cum    cum%  function'];
  for (const { name, file, flat, cumulative } of shown) {
    const where = file ? `  (${shortPath(file)})` : '';
    lines.push(
      `${format(flat).padStart(10)} ${percent(flat, total).padStart(7)} ` +
        `${format(cumulative).padStart(10)} ${percent(cumulative, total).padStart(7)}  ` +
        `${clip(name)}${where}`,
    );
  }
  return lines;
}

// threadTable(samples, index, format): what each thread has used, the most first.
export function threadTable(samples, index, format) {
  const threads = new Map();
  for (const { values, thread } of samples) {
    threads.set(thread, (threads.get(thread) ?? 0) + values[index]);
  }
  const total = [...threads.values()].reduce((sum, value) => sum + value, 0);
  return [...threads]
    .sort(([, a], [, b]) => b - a)
    .map(([name, value]) => {
      return `${format(value).padStart(10)} ${percent(value, total).padStart(7)}  ${name}`;
    });
}
