// A flame graph as one HTML file that works offline.

import { readFileSync } from 'node:fs';
import { ROOT } from './cluster.mjs';

const TEMPLATE = `${ROOT}/deploy/local/profile/common/flame.html`;

// flamePage({ title, subtitle, unit: 'nanoseconds' | 'bytes', tree }): the text of the file.
export function flamePage(data) {
  // "</script>" in a name would end the script that holds the data.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return readFileSync(TEMPLATE, 'utf8').replace('"DATA"', () => json);
}
