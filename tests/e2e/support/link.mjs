// A network between client and gateway that can be made to fail: TCP connections cut in the middle of a frame, answers that never arrive.
import net from 'node:net';

export class Link {
  // A link to the gateway at `url`; clients connect to `link.url`.
  static async to(t, url) {
    const link = new Link(new URL(url));
    await new Promise((resolve) => link.server.listen(0, '127.0.0.1', resolve));
    t.after(() => link.close());
    return link;
  }

  constructor(target) {
    this.target = target;
    this.sockets = new Set();
    this.repair();
    this.server = net.createServer((client) => this.#join(client));
  }

  get url() {
    return `ws://127.0.0.1:${this.server.address().port}${this.target.pathname}`;
  }

  // Everything passes again; connections that were cut stay cut.
  repair() {
    this.left = {up: Infinity, down: Infinity};
    this.swallows = false;
    this.down = false;
  }

  // Cuts all connections once so many more bytes have gone up to the gateway, or down to the clients. The link stays down.
  cutAfter(direction, bytes) {
    this.left[direction] = bytes;
    if (bytes === 0) this.cut();
  }

  // What the gateway says from now on is lost.
  swallowAnswers() {
    this.swallows = true;
  }

  cut() {
    this.down = true;
    for (const socket of this.sockets) socket.destroy();
  }

  close() {
    this.cut();
    this.server.close();
  }

  #join(client) {
    if (this.down) return client.destroy();
    const gateway = net.connect(Number(this.target.port), this.target.hostname);
    for (const [from, to, direction] of [[client, gateway, 'up'], [gateway, client, 'down']]) {
      this.sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      from.on('data', (bytes) => this.#forward(bytes, to, direction));
    }
  }

  #forward(bytes, to, direction) {
    if (direction === 'down' && this.swallows) return;
    const passing = bytes.subarray(0, this.left[direction]);
    this.left[direction] -= passing.length;
    if (this.left[direction] > 0) return to.write(passing);
    // The last bytes arrive before the end does.
    this.down = true;
    to.end(passing, () => this.cut());
  }
}
