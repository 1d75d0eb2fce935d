// Writes the dashboards as Grafana reads them: node deploy/monitoring/grafana/generate.mjs [OUTPUT_DIR]
// OUTPUT_DIR is ../dashboards by default. Run ../generate.sh afterwards if there is one more or less.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import capacity from './capacity.mjs';
import gateway from './gateway.mjs';
import loadgen from './loadgen.mjs';
import overview from './overview.mjs';
import processes from './processes.mjs';
import stores from './stores.mjs';
import sync from './sync.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const output = process.argv[2] ?? path.join(here, '../dashboards');

mkdirSync(output, {recursive: true});
for (const [name, dashboard] of Object.entries({capacity, gateway, loadgen, overview, processes, stores, sync})) {
  writeFileSync(path.join(output, `${name}.json`), `${JSON.stringify(dashboard, null, 1)}\n`);
}
