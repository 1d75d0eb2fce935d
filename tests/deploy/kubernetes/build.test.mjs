// Every overlay and combination renders, with nothing in it twice and nothing left to chance.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {components, KUBERNETES, needKubectl, overlays, renderCombination} from './kustomize.mjs';

needKubectl();
const {COMBINATIONS, parse, target, targets} = await import('./targets.mjs');

// What `kubectl apply` stores in an annotation; beyond it the API server refuses.
const OBJECT_BYTES_MAX = 256 << 10;

test('every overlay and combination renders', () => {
  assert.deepEqual(overlays(), ['dev', 'dev-loadgen', 'production']);
  for (const {name, objects} of targets()) assert.ok(objects.length > 0, `${name} is empty`);
});

test('every component is part of something that is checked', () => {
  const used = new Set(COMBINATIONS.flat());
  const forgotten = components().filter((name) => !used.has(name));
  assert.deepEqual(forgotten, [], 'add a combination to targets.mjs');
});

test('no object comes twice, and all are small enough for kubectl apply', () => {
  for (const {name, objects} of targets()) {
    const seen = new Set();
    for (const object of objects) {
      const id = `${object.kind}/${object.metadata.name}`;
      assert.ok(!seen.has(id), `${name}: ${id} comes twice`);
      seen.add(id);
      const bytes = JSON.stringify(object).length;
      assert.ok(bytes < OBJECT_BYTES_MAX, `${name}: ${id} has ${bytes} bytes`);
    }
  }
});

test('a changed setting is a new name, and so a rolling update', () => {
  const nameWith = (level) => {
    const yaml = renderCombination(['external-stores'], {
      configMapGenerator: [{name: 'topgun-sync', behavior: 'merge', literals: [`TOPGUN_LOG_LEVEL=${level}`]}],
    });
    const names = new Set(yaml.match(/topgun-sync-[a-z0-9]{10}/g));
    assert.equal(names.size, 1, 'the Deployment names the generated ConfigMap');
    return [...names][0];
  };
  assert.notEqual(nameWith('info'), nameWith('debug'));
});

// Components come after the generators of an overlay, so they may overrule it unnoticed.
test('what an overlay sets is what its pods get', () => {
  for (const [overlay, file] of [['dev', 'dev'], ['production', 'production/settings']]) {
    const page = readFileSync(path.join(KUBERNETES, 'overlays', file, 'kustomization.yaml'), 'utf8');
    const {objects} = target(`overlays/${overlay}`);
    for (const {name, literals} of parse(page)[0].configMapGenerator) {
      const map = objects.find((object) => object.kind === 'ConfigMap' && object.metadata.name.startsWith(`${name}-`));
      for (const literal of literals) {
        const [key, ...value] = literal.split('=');
        assert.equal(map.data[key], value.join('='), `${overlay}: ${name}: ${key}`);
      }
    }
  }
});

// Unlike most components: nothing tells somebody who lists them the other way round.
test('topgunctl comes before or after what tells it how to speak gRPC', () => {
  const doctorOf = (...names) => parse(renderCombination(names)).find((object) => object.kind === 'CronJob');
  const alone = doctorOf('topgunctl');
  for (const name of ['plaintext', 'tls-cert-manager']) {
    assert.deepEqual(doctorOf(name, 'topgunctl'), doctorOf('topgunctl', name), name);
    assert.notDeepEqual(doctorOf(name, 'topgunctl'), alone, name);
  }
});

test('a kustomization that names a missing file is refused', () => {
  assert.throws(() => renderCombination(['external-stores', 'no-such-component']), /no-such-component/);
  assert.throws(() => renderCombination([], {patches: [{path: 'missing.yaml'}]}), /missing\.yaml/);
});
