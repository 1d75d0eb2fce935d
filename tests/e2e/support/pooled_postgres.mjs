// A Postgres of a test's own and PgBouncer before it, in transaction mode, both on Unix sockets in one folder that goes with the test. Both
// refuse to run as root; then the account of Debian's package runs them.
import {execFile, spawn} from 'node:child_process';
import {chmodSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {promisify} from 'node:util';

import {until} from './client.mjs';

const run = promisify(execFile);
const BIN = '/usr/lib/postgresql/15/bin';
const POOLER_PORT = 6432;  // names the socket; nobody listens on the network

const asPostgres = (...command) => process.getuid() === 0
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--', ...command] : command;

export class PooledPostgres {
  // `connections`: to Postgres, for all who are connected to the pooler.
  static async start(t, {connections = 3} = {}) {
    const dir = mkdtempSync('/tmp/topgun-pg-e2e.');
    chmodSync(dir, 0o755);
    const pooled = new PooledPostgres(dir);
    t.after(async () => {
      await pooled.killPooler();
      pooled.postgres?.kill('SIGQUIT');
      await pooled.postgresEnded;
      rmSync(dir, {recursive: true, force: true});
    });
    await pooled.#startPostgres();
    writeFileSync(path.join(dir, 'pgbouncer.ini'), [
      '[databases]', `* = host=${dir} user=topgun`, '[pgbouncer]', 'listen_addr =', `listen_port = ${POOLER_PORT}`,
      `unix_socket_dir = ${dir}`, 'auth_type = any', 'pool_mode = transaction', `default_pool_size = ${connections}`, ''].join('\n'));
    await pooled.startPooler();
    return pooled;
  }

  constructor(dir) {
    this.dir = dir;
  }

  // What the services connect to.
  get dsn() {
    return `host=${this.dir} port=${POOLER_PORT} dbname=topgun user=topgun`;
  }

  async #startPostgres() {
    if (process.getuid() === 0) await run('chown', ['postgres', this.dir]);
    const data = path.join(this.dir, 'data');
    const [initdb, ...args] = asPostgres(`${BIN}/initdb`, '-D', data, '-U', 'topgun', '--auth', 'trust', '-E', 'UTF8', '--locale', 'C.UTF-8', '--no-sync');
    await run(initdb, args);
    this.postgres = this.#spawn(`${BIN}/postgres`, '-D', data, '-k', this.dir, '-c', 'listen_addresses=', '-c', 'fsync=off');
    this.postgresEnded = new Promise((resolve) => this.postgres.once('exit', resolve));
    await until(() => this.#sql('postgres', 'SELECT 1').then(() => true, () => false), 'Postgres');
    await this.#sql('postgres', 'CREATE DATABASE topgun');
  }

  async startPooler() {
    this.pooler = this.#spawn('/usr/sbin/pgbouncer', path.join(this.dir, 'pgbouncer.ini'));
    this.poolerEnded = new Promise((resolve) => this.pooler.once('exit', resolve));
    await until(() => run('psql', [this.dsn, '-c', 'SELECT 1']).then(() => true, () => false), 'PgBouncer');
  }

  async killPooler() {
    this.pooler?.kill('SIGKILL');
    await this.poolerEnded;
    rmSync(path.join(this.dir, `.s.PGSQL.${POOLER_PORT}`), {force: true});
  }

  #spawn(...command) {
    const [program, ...args] = asPostgres(...command);
    return spawn(program, args, {cwd: this.dir, stdio: 'ignore'});
  }

  // Rows of a query as arrays of text, past the pooler.
  sql(text) {
    return this.#sql('topgun', text);
  }

  async #sql(database, text) {
    const {stdout} = await run('psql', ['-X', '-A', '-t', '-F', '\t', '-h', this.dir, '-U', 'topgun', '-d', database, '-c', text]);
    return stdout.split('\n').filter(Boolean).map((line) => line.split('\t'));
  }
}
