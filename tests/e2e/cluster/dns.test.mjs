// A gateway that finds its sync services by one name with several addresses, at a real name server: replicas that the name gains are used, those
// that it loses are left, and a name server that is away changes nothing.
import assert from 'node:assert/strict';
import path from 'node:path';
import {writeFileSync} from 'node:fs';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {DnsServer, dnsMissing} from '../support/dns_server.mjs';
import {RedisServers} from '../support/redis_servers.mjs';
import {freePort, Service, sign} from '../support/service.mjs';

const SECRET = 'a secret that only this test knows';
const SHARDS = '--shards=16';
const NAME = 'sync.topgun.test';

test('one name with several addresses', {skip: await dnsMissing()}, async (t) => {
  const redis = await new RedisServers(t).start();
  const port = await freePort();
  const replica = (name, host) => Service.start(t, 'topgun-sync', [
    `--name=${name}`, `--grpc=${host}:${port}`, `--redis=${redis.address}`, '--storage=null', SHARDS]);
  const first = await replica('first', '127.0.0.11');
  const second = await replica('second', '127.0.0.12');
  const dns = await DnsServer.start(t, NAME, ['127.0.0.11']);
  const secret = path.join(dns.dir, 'secret');
  writeFileSync(secret, SECRET, {mode: 0o600});
  const gateway = await Service.start(t, 'topgun-gateway', [
    // To the gateway the name is another machine.
    `--sync=${NAME}:${port}`, '--allow-plaintext=grpc', '--listen=127.0.0.1:0', `--jwt-secret-file=${secret}`, SHARDS], {before: dns.before});
  const client = await new Client(gateway.url, {token: sign(SECRET, {sub: 'e2e'})}).connect();
  t.after(() => client.close());
  const addresses = () => gateway.metric('discovery_addresses{service="sync"}');
  const failures = () => gateway.metric('discovery_resolutions_total{outcome="failed",service="sync"}');
  const ops = (service) => service.total('sync_merge_ops_total');
  // Keys enough for every shard.
  const write = (value) => client.write(...Array.from({length: 200}, (_, i) => client.put('names', `key-${i}`, value)));

  await t.test('one address at first', async () => {
    assert.equal(await addresses(), 1);
    assert.ok(dns.questions > 0, 'the name server was asked');
    await write(1);
    assert.ok(await ops(first) > 0);
    assert.equal(await ops(second), 0);
  });

  await t.test('a second address is found and takes its share', async () => {
    dns.addresses = ['127.0.0.12', '127.0.0.11'];
    await until(async () => await addresses() === 2, 'the second address');
    await until(async () => {
      await write(2);
      return await ops(second) > 0;
    }, 'the second replica to be given work');
  });

  await t.test('a name server that is away takes nobody away', async () => {
    dns.stop();
    const before = await failures();
    await until(async () => await failures() > before, 'a question without an answer');
    assert.equal(await addresses(), 2);
    await write(3);
    await dns.resume();
  });

  await t.test('an address that is gone is left', async () => {
    dns.addresses = ['127.0.0.12'];
    await until(async () => await addresses() === 1, 'the first address to go');
    await first.stop();
    await write(4);
    assert.deepEqual(new Set((await client.query('names')).map(({value}) => value)), new Set([4]));
  });

  await t.test('a name that does not exist any more keeps what was known', async () => {
    const before = await failures();
    dns.name = 'another.topgun.test';
    await until(async () => await failures() > before, 'the refusal');
    assert.equal(await addresses(), 1);
    await write(5);
  });
});
