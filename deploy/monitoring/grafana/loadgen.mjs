// A run of topgun-loadgen (--prometheus), with what the cluster does about it.
import {dashboard, graph, row, stat} from './dashboard.mjs';
import {orZero, quantile, rate, share, spread, sum} from './queries.mjs';

export default dashboard({
  uid: 'loadgen',
  title: 'Load generator',
  description: 'What does a run measure while it goes on? Latencies are those of clients, from the planned send time.',
  anchor: 'loadgen_unacked_ops',
  rows: [
    row('At a glance',
        stat('Sent', 'ops', 'Operations sent for the first time, per second.', rate('loadgen_sent_ops_total')),
        stat('Acknowledged', 'ops', 'Operations acknowledged per second.', rate('loadgen_acked_ops_total')),
        stat('Ack p99', 's', 'From the planned send time of an operation to its ack.', quantile(0.99, 'loadgen_ack_seconds'), {warn: 0.1, bad: 1}),
        stat('Propagation p99', 's', 'From a writer\'s send to a subscriber\'s receive; needs --subscribers.',
             quantile(0.99, 'loadgen_propagation_seconds'), {warn: 0.1, bad: 1}),
        stat('Refused', 'percentunit', 'Share of the operations that the cluster refused for good.',
             share(rate('loadgen_refused_ops_total'), rate('loadgen_sent_ops_total')), {warn: 0.001, bad: 0.01}),
        stat('On the way', 'short', 'Operations sent and not settled. Growing without end in an open loop: more than the cluster takes.', sum('loadgen_unacked_ops'))),
    row('Throughput',
        graph('Operations', 'ops', 'Sent, sent once more after a reconnect or a refusal, acknowledged, refused.',
              {
                'sent': rate('loadgen_sent_ops_total'), 'sent again': rate('loadgen_resent_ops_total'),
                'acknowledged': rate('loadgen_acked_ops_total'), 'refused': rate('loadgen_refused_ops_total'),
              }),
        graph('Frames', 'ops', 'Frames of writes sent; frames of any kind received; events that subscribers received.',
              {'sent': rate('loadgen_sent_frames_total'), 'received': rate('loadgen_received_frames_total'), 'events': rate('loadgen_events_total')}),
        graph('Bytes', 'Bps', 'On the wire, without TLS.', {'sent': rate('loadgen_sent_bytes_total'), 'received': rate('loadgen_received_bytes_total')})),
    row('Latency',
        graph('Ack', 's', 'From the planned send time of an operation to its ack.',
              {...spread('loadgen_ack_seconds'), 'p99.9': quantile(0.999, 'loadgen_ack_seconds')}),
        graph('Propagation', 's', 'From a writer\'s send to a subscriber\'s receive.',
              {...spread('loadgen_propagation_seconds'), 'p99.9': quantile(0.999, 'loadgen_propagation_seconds')}),
        graph('On the way', 'short', 'Operations sent and not settled.', {'{{instance}}': sum('loadgen_unacked_ops', 'instance')})),
    row('Trouble',
        graph('Errors by code', 'ops', 'ERROR frames received. 429 makes clients wait and send again.', {'{{code}}': orZero(rate('loadgen_errors_total', 'code'))}),
        graph('Connections', 'ops', 'Lost, and made again.', {'lost': rate('loadgen_closes_total'), 'made again': rate('loadgen_reconnects_total')}),
        graph('The generator itself', 'ops', 'Frames sent after their time or never: then the generator is the bottleneck, and its latencies say little.',
              {'late': rate('loadgen_late_frames_total'), 'dropped': rate('loadgen_dropped_frames_total')}),
        graph('CPU of the generator', 'percentunit', '100 % is one core.', {'{{instance}}': rate('process_cpu_seconds_total', 'instance')})),
  ],
});
