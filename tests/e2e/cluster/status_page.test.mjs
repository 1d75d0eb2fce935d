// The gateway's status page, and the other pages we make, in a real browser.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';

import {Browser, MISSING} from '../support/browser.mjs';
import {Client} from '../support/client.mjs';
import {Cluster, topgun} from '../support/cluster.mjs';
import {Loadgen} from '../support/loadgen.mjs';

const run = promisify(execFile);
const HOSTILE = '<img src=x onerror="window.attacked = true">';

async function write(client, map, ...keys) {
  const ops = keys.map((key) => client.put(map, key, key));
  const acked = client.waitFor(({type, payload}) => type === 'OP_ACK' && Number(payload.lastId) >= Number(ops.at(-1).id), 'the ack');
  client.send({type: 'OP_BATCH', payload: {ops}});
  await acked;
}

// Until the element has a number above zero.
const moves = (page, id) => page.waitForFunction((name) => parseFloat(document.getElementById(name).textContent) > 0, id);
const hasState = (page, className) => page.waitForSelector(`#state.${className}`);

// Resolves with the row of a table whose first cell is `name`, as soon as it has `cell`.
async function row(page, table, name, cell) {
  const found = await page.waitForFunction(([id, first, wanted]) => {
    for (const {cells} of document.getElementById(id).tBodies[0]?.rows ?? []) {
      const texts = [...cells].map(({textContent}) => textContent);
      if (texts[0] === first && texts.includes(wanted)) return texts;
    }
    return null;
  }, [table, name, cell]);
  return found.jsonValue();
}

test('pages in a browser', {skip: MISSING, timeout: 400_000}, async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1});
  const dir = mkdtempSync('/tmp/topgun-pages.');
  t.after(() => rmSync(dir, {recursive: true, force: true}));
  const browser = await Browser.start(t);
  const [gateway] = await cluster.processes('gateway');
  const origin = `http://127.0.0.1:${gateway.ports.admin}`;
  const [url] = await cluster.urls();
  const client = await new Client(url, {token: cluster.token}).connect();
  await write(client, 'todos', 'a', 'b', 'c');
  await write(client, HOSTILE, 'a', 'b');
  const loadReport = path.join(dir, 'load.html');
  const load = await Loadgen.start(t, cluster, '--duration', '300s', '--connections', '4', '--batch', '5', '--rate', '500', '--html', loadReport);
  const {page, complaints, asked} = await browser.open(origin);

  await t.test('figures move', async () => {
    await hasState(page, 'live');
    for (const id of ['ops', 'acks', 'connections', 'lag']) await moves(page, id);
    assert.equal(await page.textContent('#name'), gateway.name);
    await page.waitForFunction(() => [...document.querySelectorAll('#latency tbody tr')].some((line) => /^ack, .*\d (µs|ms|s)$/.test(line.textContent)));
    const [replica] = await page.$$eval('#replicas tbody tr', (lines) => lines.map(({textContent}) => textContent));
    assert.match(replica, /up\d+ of \d+$/);
    assert.ok((await page.$$('#shards tbody tr')).length > 0);
  });

  await t.test('maps have their counts, and a name is only text', async () => {
    assert.deepEqual(await row(page, 'maps', 'todos', '3'), ['todos', '3']);
    assert.deepEqual(await row(page, 'maps', HOSTILE, '2'), [HOSTILE, '2']);
    assert.equal((await page.$$('img')).length, 0);
    assert.equal(await page.evaluate(() => window.attacked), undefined);
  });

  await t.test('a phone shows all of it', async () => {
    const phone = await browser.open(`${origin}/status`, {viewport: {width: 360, height: 740}, colorScheme: 'dark'});
    await hasState(phone.page, 'live');
    await row(phone.page, 'maps', 'todos', '3');
    assert.equal(await phone.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true);
    assert.deepEqual(phone.complaints, []);
    await phone.page.close();
  });

  await t.test('flame graphs, bubbles and the report of a load', async () => {
    const profile = (mode, ...args) => run(topgun, ['profile', mode, '--data', cluster.dir, ...args], {maxBuffer: 1 << 26});
    await profile('flame', '--seconds', '1', '--out', path.join(dir, 'flame'));
    await profile('bubble', '--seconds', '2', '--every', '2', '--out', path.join(dir, 'bubble.html'));
    await load.report('SIGINT');
    const files = readdirSync(dir, {recursive: true}).filter((name) => name.endsWith('.html')).map((name) => path.join(dir, name));
    assert.ok(['flame', 'bubble', 'load'].every((kind) => files.some((file) => file.includes(`${dir}/${kind}`))), `${files}`);
    for (const file of files) {
      const shown = await browser.open(pathToFileURL(file).href);
      await shown.page.waitForFunction(() => document.body.innerText.trim().length > 100 && document.querySelector('svg, canvas, table, [class]'));
      assert.deepEqual(shown.complaints, [], file);
      assert.deepEqual(shown.asked.filter((asking) => !asking.startsWith('file:') && !asking.startsWith('data:')), [], file);
      await shown.page.close();
    }
  });

  await t.test('a drain is shown', async () => {
    await fetch(`${origin}/drain`, {method: 'POST'});
    await hasState(page, 'draining');
    await fetch(`${origin}/drain?cancel`, {method: 'POST'});
    await hasState(page, 'live');
  });

  await t.test('nothing went wrong until here', () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(asked.filter((asking) => !asking.startsWith(origin) && !asking.startsWith('data:')), []);
  });

  await t.test('without its gateway the page says so, and lives again with the next one', async () => {
    const before = await page.textContent('#about');
    await cluster.signal(gateway.name, 'SIGSTOP');
    await hasState(page, 'stale');
    assert.match(await page.textContent('#state'), /^stale: no answer since /);
    await cluster.signal(gateway.name, 'SIGKILL');
    await hasState(page, 'live');
    await page.waitForFunction((old) => document.getElementById('about').textContent.match(/process \d+/)[0] !== old.match(/process \d+/)[0], before);
    assert.equal(await page.evaluate(() => window.attacked), undefined);
  });
});
