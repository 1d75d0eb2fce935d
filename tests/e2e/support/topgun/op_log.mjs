// The writes of a client that no server has acknowledged yet (core.md 5.2 and 5.3): it survives every disconnect, and all of it goes out
// again with each new write and each reconnect.
export class OpLog {
  constructor() {
    this.lastId = 0;
    this.pending = new Map();  // id -> op, oldest first
  }

  append(op) {
    const logged = {...op, synced: false, id: String(++this.lastId)};
    this.pending.set(logged.id, logged);
    return logged;
  }

  // A `lastId` that does not start with a digit empties the log, exactly as it does in the client.
  acknowledge({lastId, results = []}) {
    const last = Number.parseInt(lastId, 10);
    for (const id of this.pending.keys()) {
      if (Number.isNaN(last) || Number(id) <= last) this.pending.delete(id);
    }
    for (const {opId} of results) this.pending.delete(opId);
  }

  dropOlder(mapName, millis) {
    for (const [id, op] of this.pending) {
      if (op.mapName === mapName && op.opType.startsWith('OR_') && op.timestamp.millis < millis) this.pending.delete(id);
    }
  }

  ops() {
    return [...this.pending.values()];
  }
}
