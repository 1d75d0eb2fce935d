// How much room is left, and what is used up first.
import {dashboard, graph, row, stat} from './dashboard.mjs';
import {least, most, quantile, rate, selected, share, sum} from './queries.mjs';

// Cost of an operation: what is used by each job, over all operations that clients got acknowledged.
const perOperation = (used) => `${used} / on () group_left () (${rate('gateway_acked_ops_total')} > 0)`;

export default dashboard({
  uid: 'capacity',
  title: 'Capacity',
  description: 'How much room is left, what runs out first, and what does an operation cost? docs/scaling.md says what to add then.',
  rows: [
    row('Room that is left',
        stat('Connections', 'percentunit', 'Of the fullest gateway, as a share of those it takes.',
             `max ((${selected('gateway_connections')} + ${selected('gateway_http_connections')}) / ${selected('gateway_connections_max')})`, {warn: 0.7, bad: 0.9}),
        stat('CPU of the busiest process', 'percentunit', '100 % is one core; compare with the limits of its pod.', `max (rate(${selected('process_cpu_seconds_total')}[$__rate_interval]))`),
        stat('Open files', 'percentunit', 'Of the process that is nearest to its limit of file descriptors.',
             `max (${selected('process_open_fds')} / ${selected('process_max_fds')})`, {warn: 0.7, bad: 0.9}),
        stat('Late event loop', 's', 'p99 of the latest of the gateways: tells a lack of CPU better than its use does.',
             `max (${quantile(0.99, 'gateway_loop_lag_seconds', 'instance')})`, {warn: 0.01, bad: 0.1}),
        stat('Persistence lag', 's', 'If it grows under steady load, Postgres is the bottleneck.', most('storage_flush_lag_seconds'), {warn: 10, bad: 60}),
        stat('Commit p99', 's', 'If it grows under steady load, Redis is the bottleneck.', quantile(0.99, 'sync_commit_seconds'), {warn: 0.02, bad: 0.2})),
    row('Load',
        graph('Connections per gateway', 'short', 'The autoscaler adds gateways by the mean of these. Far apart: rebalance by a rolling restart.',
              {'most': most('gateway_connections'), 'least': least('gateway_connections'), 'limit': least('gateway_connections_max')}),
        graph('Operations per gateway', 'ops', 'Operations acknowledged.', {'{{instance}}': rate('gateway_acked_ops_total', 'instance')}, {stacked: true}),
        graph('Operations per sync service', 'ops', 'Operations merged. Services with no shards have nothing to do.', {'{{instance}}': rate('sync_merge_ops_total', 'instance')}, {stacked: true}),
        graph('Rows per storage service', 'ops', 'Rows committed in Postgres.', {'{{instance}}': rate('storage_rows_written_total', 'instance')}, {stacked: true}),
        graph('Live queries', 'short', 'Held by gateways; each costs memory, and work for every change of its map.', {'{{instance}}': sum('gateway_subscriptions', 'instance')}, {stacked: true}),
        graph('Fan-out', 'short', 'Frames pushed to clients per operation acknowledged: what decides about the CPU of gateways when many watch the same.',
              {'pushes per operation': share(rate('gateway_pushes_total'), rate('gateway_acked_ops_total'))})),
    row('CPU',
        graph('By process', 'percentunit', '100 % is one core.', {'{{job}} {{instance}}': rate('process_cpu_seconds_total', 'job, instance')}),
        graph('Per operation', 's', 'CPU time of all processes of a job for each operation acknowledged. It falls with load, since batches grow.',
              {'{{job}}': perOperation(rate('process_cpu_seconds_total', 'job'))}),
        graph('Lateness of event loops', 's', 'p99 by service.',
              {'gateway': quantile(0.99, 'gateway_loop_lag_seconds'), 'sync': quantile(0.99, 'sync_loop_lag_seconds'), 'storage': quantile(0.99, 'storage_loop_lag_seconds')})),
    row('Memory and files',
        graph('Resident', 'bytes', 'By process; compare with the limits of its pod.', {'{{job}} {{instance}}': sum('process_resident_memory_bytes', 'job, instance')}),
        graph('Per connection', 'bytes', 'Resident memory of a gateway over its connections; says something from thousands of connections on.',
              {'{{instance}}': `sum by (instance) (${selected('process_resident_memory_bytes')} and on (job, instance) ${selected('gateway_connections')}) / (${sum('gateway_connections', 'instance')} > 0)`}),
        graph('In queues', 'bytes', 'What waits, by place. All are bounded by settings.',
              {
                'to slow clients': sum('gateway_outbound_bytes'), 'unacknowledged': sum('gateway_inflight_bytes'),
                'to be merged': sum('sync_queue_bytes'), 'to be persisted': sum('storage_unflushed_bytes'),
              }, {stacked: true}),
        graph('Open files', 'percentunit', 'Share of the limit of file descriptors, by process.',
              {'{{job}} {{instance}}': `max by (job, instance) (${selected('process_open_fds')} / ${selected('process_max_fds')})`}, {max: 1})),
    row('Stores',
        graph('Commits', 'ops', 'Scripts that Redis runs: one core of it does some tens of thousands per second.', {'commits': rate('sync_commits_total')}),
        graph('Operations per commit', 'short', 'Batching: rises with load, and so does what one core of Redis takes.',
              {'operations': share(rate('sync_merge_ops_total'), rate('sync_commits_total'))}),
        graph('Trend of the lag', 'short', 'Seconds of persistence lag gained per second. Above 0 for long: Postgres does not keep up.',
              {'{{instance}}': `max by (instance) (deriv(${selected('storage_flush_lag_seconds')}[$__rate_interval]))`})),
  ],
});
