// Objects of the same shape as lines of text: numbers to the right, texts to the left.

export function table(rows) {
  const columns = Object.keys(rows[0]);
  const cell = (row, column) => String(row[column] ?? '');
  const isNumber = (column) => rows.every((row) => typeof row[column] === 'number');
  const widths = columns.map((column) =>
    Math.max(column.length, ...rows.map((row) => cell(row, column).length)),
  );
  const line = (texts) =>
    texts
      .map((text, i) => (isNumber(columns[i]) ? text.padStart(widths[i]) : text.padEnd(widths[i])))
      .join('  ')
      .trimEnd();
  return [line(columns), ...rows.map((row) => line(columns.map((column) => cell(row, column))))];
}
