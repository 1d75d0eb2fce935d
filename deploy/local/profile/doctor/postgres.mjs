// Figures of Postgres, asked with psql over the cluster's socket.

import { spawn } from 'node:child_process';
import path from 'node:path';

const ANSWER_TIMEOUT_MS = 3_000;
const SEPARATOR = '\x1f';

function query(dir, sql) {
  return new Promise((resolve) => {
    const args = ['-X', '-q', '-A', '-t', '-F', SEPARATOR, '-h', path.join(dir, 'run', 'pg')];
    const child = spawn('psql', [...args, '-U', 'topgun', '-d', 'topgun', '-c', sql], {
      env: { ...process.env, PGCONNECT_TIMEOUT: '3', PGAPPNAME: 'topgun-doctor' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      err = `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`;
    }, ANSWER_TIMEOUT_MS);
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err ||= String(chunk)));
    child.on('error', (error) => (err ||= error.code === 'ENOENT' ? 'psql is not installed' : error.message));
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code !== 0) return resolve({ error: err.trim().split('\n')[0] || `psql ended with ${code}` });
      const rows = out.split('\n').filter((line) => line !== '');
      resolve({ rows: rows.map((line) => line.split(SEPARATOR)) });
    });
  });
}

const STATE = `
select (select count(*) from pg_stat_activity where backend_type = 'client backend'),
       current_setting('max_connections')::int,
       (select count(*) from pg_stat_activity where wait_event_type = 'Lock'),
       (select coalesce(extract(epoch from max(now() - xact_start)), 0) from pg_stat_activity
         where state <> 'idle' and backend_type = 'client backend' and pid <> pg_backend_pid()),
       sum(xact_commit), sum(xact_rollback), sum(deadlocks), sum(temp_bytes),
       sum(blks_hit), sum(blks_read),
       (select wal_bytes from pg_stat_wal), (select wal_sync from pg_stat_wal),
       (select wal_buffers_full from pg_stat_wal),
       (select checkpoints_req from pg_stat_bgwriter),
       (select count(*) from pg_extension where extname = 'pg_stat_statements')
  from pg_stat_database`;

const NAMES = [
  'connections',
  'connectionsMax',
  'lockWaits',
  'longestTransactionS',
  'commits',
  'rollbacks',
  'deadlocks',
  'tempBytes',
  'blocksHit',
  'blocksRead',
  'walBytes',
  'walSyncs',
  'walBuffersFull',
  'checkpointsRequested',
  'hasStatements',
];

const STATEMENTS = `
select calls, round(total_exec_time::numeric, 1), round(mean_exec_time::numeric, 3),
       regexp_replace(left(query, 200), '\\s+', ' ', 'g')
  from pg_stat_statements order by total_exec_time desc limit 5`;

// readPostgres(dir): the counters by name, or { error }.
export async function readPostgres(dir) {
  const { rows, error } = await query(dir, STATE);
  if (error) return { error };
  const state = Object.fromEntries(NAMES.map((name, i) => [name, Number(rows[0][i])]));
  if (state.hasStatements === 0) return state;
  const top = await query(dir, STATEMENTS);
  if (top.rows) {
    state.statements = top.rows.map(([calls, totalMs, meanMs, text]) => ({
      calls: Number(calls),
      totalMs: Number(totalMs),
      meanMs: Number(meanMs),
      text,
    }));
  }
  return state;
}
