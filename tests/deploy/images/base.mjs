// A Debian with the libraries that the programs are linked with, made once by debootstrap from the mirror this
// machine uses and kept in build/.
import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';

import {WORK} from './buildah.mjs';

const SUITE = 'bookworm';
const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const UNUSED = ['usr/share/doc', 'usr/share/locale', 'usr/share/man', 'usr/share/zoneinfo', 'var/cache', 'var/lib/apt', 'var/lib/dpkg/info'];

// The folder of it.
export function debianWith(programs) {
  const packages = ['ca-certificates', ...packagesOf(programs)].join(',');
  const [root, made] = [path.join(WORK, 'base'), path.join(WORK, 'base.packages')];
  if (existsSync(made) && readFileSync(made, 'utf8') === packages) return root;
  const fresh = `${root}.new`;
  for (const stale of [made, root, fresh]) rmSync(stale, {recursive: true, force: true});
  const {status, stdout, stderr} = spawnSync('debootstrap', ['--variant=minbase', `--include=${packages}`, SUITE, fresh, mirror()],
      {encoding: 'utf8', maxBuffer: 64 << 20});
  if (status !== 0) throw new Error(`debootstrap: ${stdout.split('\n').slice(-20).join('\n')}${stderr}`);
  // It is copied in each run.
  for (const dir of UNUSED) rmSync(path.join(fresh, dir), {recursive: true, force: true});
  renameSync(fresh, root);
  writeFileSync(made, packages);
  return root;
}

// The Debian packages of the shared libraries.
function packagesOf(programs) {
  const libraries = new Set(programs.flatMap((program) =>
    [...execFileSync('ldd', [program], {encoding: 'utf8'}).matchAll(/=> (\/\S+)/g)].map(([, library]) => library)));
  // Packages know their files by the path without /usr or with it; unknown ones are the other spelling.
  const paths = [...libraries].flatMap((library) => [library, library.startsWith('/usr/') ? library.slice(4) : `/usr${library}`]);
  const {stdout} = spawnSync('dpkg', ['-S', ...paths], {encoding: 'utf8'});
  const owners = [...stdout.matchAll(/^([a-z0-9.+-]+)(?::\w+)?: /gm)].map(([, name]) => name);
  return [...new Set(owners)].sort();
}

// The first one in apt's settings that has the suite.
function mirror() {
  const lists = ['/etc/apt/sources.list', ...readdirSync('/etc/apt/sources.list.d').map((name) => `/etc/apt/sources.list.d/${name}`)];
  const text = lists.filter((list) => existsSync(list)).map((list) => readFileSync(list, 'utf8')).join('\n\n');
  const line = text.match(new RegExp(`^deb (?:\\[[^\\]]*\\] )?(\\S+) ${SUITE} `, 'm'));
  const stanza = text.split(/\n\n+/).find((each) => new RegExp(`^Suites:.*\\b${SUITE}(\\s|$)`, 'm').test(each));
  return line?.[1] ?? stanza?.match(/^URIs: (\S+)/m)?.[1] ?? DEFAULT_MIRROR;
}
