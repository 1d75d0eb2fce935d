// flame: which functions use the CPU, as flame graphs in HTML files
//
// One page per process and one with all of them side by side.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readCluster, select } from './common/cluster.mjs';
import { note, run } from './common/fail.mjs';
import { flamePage } from './common/flame_page.mjs';
import { flameTree, mergeTrees } from './common/flame_tree.mjs';
import { opsPerSecond, withLoad } from './common/load.mjs';
import { COMMON_HELP, parseOptions } from './common/options.mjs';
import { fetchProfile } from './common/pprof.mjs';

const HELP = `usage: ./topgun profile flame [options]

Samples the services of the running cluster and writes flame graphs: DIR/NAME.html per process and
DIR/cluster.html with all of them. The pages work offline; search and zoom are in them.

${COMMON_HELP}  --seconds N       how long to sample, 1 to 60 (default 10)
  --out DIR         where the pages go (default: profile in the cluster's folder)
`;

async function main() {
  const options = parseOptions(HELP, {
    seconds: { number: [1, 60], default: 10 },
    out: { text: true },
  });
  const cluster = readCluster(options.data);
  const services = select(cluster, options.process);
  const out = path.resolve(options.out ?? path.join(cluster.dir, 'profile'));
  mkdirSync(out, { recursive: true });
  await withLoad(cluster, options.load, options.seconds, async () => {
    note(`sampling ${services.map(({ name }) => name).join(', ')} for ${options.seconds} s`);
    const target = `/debug/pprof/profile?seconds=${options.seconds}`;
    const [rate, ...taken] = await Promise.all([
      opsPerSecond(cluster, options.seconds * 1000),
      ...services.map((service) => fetchProfile(service, target, options.seconds)),
    ]);
    const subtitle =
      `${new Date().toISOString()}, CPU time during ${options.seconds} s, ` +
      `${Math.round(rate)} operations per second`;
    const trees = taken.map(({ profile }, i) =>
      flameTree(services[i].name, profile.samples, profile.types.indexOf('cpu')),
    );
    trees.push(mergeTrees('cluster', [...trees]));
    for (const tree of trees) {
      const file = path.join(out, `${tree.n}.html`);
      const title = `${tree.n}: where the CPU time goes`;
      writeFileSync(file, flamePage({ title, subtitle, unit: 'nanoseconds', tree }));
      process.stdout.write(`${file}\n`);
    }
  });
}

await run(main);
