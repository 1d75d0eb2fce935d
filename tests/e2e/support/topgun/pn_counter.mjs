// The stock client's PN counter, written from features.md 4 alone: its state, when it speaks, and what it takes over.
//
// It asks once, when it is made; it tells all it knows 50 ms after the last local change; of what it is told it takes the larger entries. After a
// reconnect it says nothing until it counts again.
export class PnCounter {
  // `client` sends messages and offers those that arrive to `onFrame`. `spelling`: of the keys it sends and reads.
  constructor(client, name, {spelling = ['positive', 'negative'], nodeId = client.nodeId} = {}) {
    Object.assign(this, {name, spelling, nodeId});
    this.positive = new Map();
    this.negative = new Map();
    this.attach(client);
    this.send('COUNTER_REQUEST', {});
  }

  // Goes on over another connection.
  attach(client) {
    this.client = client;
    client.onFrame(({type, payload}) => {
      if (!['COUNTER_RESPONSE', 'COUNTER_UPDATE'].includes(type) || payload.name !== this.name) return;
      this.merge(this.positive, payload.state[this.spelling[0]]);
      this.merge(this.negative, payload.state[this.spelling[1]]);
    });
  }

  get value() {
    const sum = (side) => [...side.values()].reduce((a, b) => a + b, 0);
    return sum(this.positive) - sum(this.negative);
  }

  add(delta) {
    const side = delta > 0 ? this.positive : this.negative;
    side.set(this.nodeId, (side.get(this.nodeId) ?? 0) + Math.abs(delta));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.sync(), 50);
  }

  sync() {
    const state = {[this.spelling[0]]: Object.fromEntries(this.positive), [this.spelling[1]]: Object.fromEntries(this.negative)};
    this.send('COUNTER_SYNC', {state});
  }

  send(type, payload) {
    this.client.send({type, payload: {name: this.name, ...payload}});
  }

  merge(side, entries) {
    for (const [node, amount] of Object.entries(entries)) {
      if (amount > (side.get(node) ?? 0)) side.set(node, amount);
    }
  }
}
