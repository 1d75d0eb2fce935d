// The hybrid logical clock of a client (core.md 3). Timestamps are {millis, counter, nodeId}.

// Byte order of the node id and the client's locale order agree for the ids used here (lower-case letters, digits, '-').
export function compareTimestamps(a, b) {
  if (a.millis !== b.millis) return a.millis - b.millis;
  if (a.counter !== b.counter) return a.counter - b.counter;
  return a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0;
}

export const timestampText = ({millis, counter, nodeId}) => `${millis}:${counter}:${nodeId}`;

// The timestamp a text says, undefined for any other text: tags of other writers need not be timestamps.
export function parseTimestamp(text) {
  const [, millis, counter, nodeId] = /^(\d+):(\d+):([^:]*)$/.exec(text) ?? [];
  return millis === undefined ? undefined : {millis: Number(millis), counter: Number(counter), nodeId};
}

export class Clock {
  constructor(nodeId, now = Date.now) {
    Object.assign(this, {nodeId, now, millis: 0, counter: 0});
  }

  tick() {
    const now = this.now();
    if (now > this.millis) {
      this.millis = now;
      this.counter = 0;
    } else {
      this.counter += 1;
    }
    return {millis: this.millis, counter: this.counter, nodeId: this.nodeId};
  }

  receive(remote) {
    if (!Number.isFinite(remote.millis) || !Number.isFinite(remote.counter)) return;
    const latest = Math.max(this.millis, this.now(), remote.millis);
    if (latest === this.millis && latest === remote.millis) this.counter = Math.max(this.counter, remote.counter) + 1;
    else if (latest === this.millis) this.counter += 1;
    else this.counter = latest === remote.millis ? remote.counter + 1 : 0;
    this.millis = latest;
  }
}
