// Rendering with the kustomize inside kubectl.
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
export const KUBERNETES = path.join(REPOSITORY, 'deploy/kubernetes');

const SKIPPED = 77;  // SKIP_RETURN_CODE in CMakeLists.txt
// The first kubectl with kustomize 5, whose components and patches the manifests use.
const KUBECTL_MINOR_MIN = 27;

// Ends the program with the code for "skipped" when it cannot render; called before any test is declared.
export function needKubectl() {
  const found = kubectlMinor();
  if (found !== undefined && found >= KUBECTL_MINOR_MIN) return;
  const have = found === undefined ? 'there is no kubectl' : `kubectl is 1.${found}`;
  console.log(`SKIPPED: these checks need kubectl 1.${KUBECTL_MINOR_MIN} or newer, ${have}. ` +
              'Install it from https://kubernetes.io/docs/tasks/tools/');
  process.exit(SKIPPED);
}

function kubectlMinor() {
  try {
    const out = execFileSync('kubectl', ['version', '--client', '-o', 'json'], {encoding: 'utf8'});
    return parseInt(JSON.parse(out).clientVersion.minor, 10);
  } catch {
    return undefined;
  }
}

// The YAML of a folder with a kustomization; throws with kubectl's own words.
export function render(dir) {
  try {
    return execFileSync('kubectl', ['kustomize', dir], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    throw new Error(`kubectl kustomize ${dir}: ${error.stderr || error.message}`);
  }
}

export function overlays() {
  return readdirSync(path.join(KUBERNETES, 'overlays')).sort();
}

export function components() {
  return readdirSync(path.join(KUBERNETES, 'components')).sort();
}

// The YAML of the base with components that no overlay of the repository combines in this way.
export const renderCombination = (names, extra = {}) => renderOn('base', names, {namespace: 'topgun', ...extra});

// The YAML of the base or an overlay with components on top of it.
export function renderOn(folder, names, extra = {}) {
  return withFolder((dir) => {
    const from = (other) => path.relative(dir, path.join(KUBERNETES, other));
    writeFileSync(path.join(dir, 'kustomization.yaml'), JSON.stringify({
      resources: [from(folder)],
      components: names.map((name) => from(`components/${name}`)),
      ...extra,
    }));
    return render(dir);
  });
}

// Calls `use` with a folder that exists meanwhile. kustomize wants relative paths between folders, so it
// is beside this file.
export function withFolder(use) {
  const parent = path.join(REPOSITORY, 'build', 'kustomize');
  mkdirSync(parent, {recursive: true});
  const dir = mkdtempSync(path.join(parent, 'run-'));
  try {
    return use(dir);
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
}
