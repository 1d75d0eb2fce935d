// A name server for one name, whose addresses the test changes; and how a program is made to ask it. The C library reads nothing but
// /etc/resolv.conf, which has no ports: so the server takes port 53 of a loopback address, and the program gets files of its own in the
// place of the system's, in a mount namespace. Both need root.
import {execFileSync} from 'node:child_process';
import dgram from 'node:dgram';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';

const ADDRESS = '127.0.0.53';
const A = 1, IN = 1;
const NO_ERROR = 0, NO_SUCH_NAME = 3;

// Why it cannot be used here; undefined when it can.
export async function dnsMissing() {
  if (process.getuid() !== 0) return 'needs root, for port 53 and a mount namespace';
  try {
    execFileSync('unshare', ['--mount', 'true'], {stdio: 'ignore'});
  } catch {
    return 'needs mount namespaces (unshare --mount)';
  }
  const socket = dgram.createSocket('udp4');
  const error = await bind(socket);
  socket.close();
  return error && `needs port 53 of ${ADDRESS}: ${error.message}`;
}

const bind = (socket) => new Promise((resolve) => socket.once('error', resolve).bind(53, ADDRESS, () => resolve()));

export class DnsServer {
  // `addresses`: what `name` stands for; any other name does not exist.
  static async start(t, name, addresses) {
    const server = new DnsServer(name, addresses);
    t.after(() => {
      server.stop();
      rmSync(server.dir, {recursive: true, force: true});
    });
    await server.resume();
    return server;
  }

  constructor(name, addresses) {
    Object.assign(this, {name, addresses, questions: 0, dir: mkdtempSync('/tmp/topgun-dns.')});
    writeFileSync(this.#file('resolv.conf'), `nameserver ${ADDRESS}\n`);
    writeFileSync(this.#file('nsswitch.conf'), 'hosts: files dns\n');
  }

  #file(name) {
    return path.join(this.dir, name);
  }

  // The words to put before a command, so that its program asks this server. It keeps its process id.
  get before() {
    const script = 'mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf && shift && exec "$@"';
    return ['unshare', '--mount', 'sh', '-c', script, 'sh', this.dir];
  }

  async resume() {
    this.socket = dgram.createSocket('udp4');
    const error = await bind(this.socket);
    if (error) throw error;
    this.socket.on('message', (question, {port, address}) => this.socket.send(this.#answer(question), port, address));
  }

  // From now on nobody answers.
  stop() {
    this.socket?.close();
    this.socket = undefined;
  }

  // RFC 1035, 4.1: the question as it came, and an A record without a lifetime per address.
  #answer(question) {
    const labels = [];
    let at = 12;
    for (let size; (size = question[at]) > 0; at += size + 1) labels.push(question.toString('latin1', at + 1, at + 1 + size));
    const type = question.readUInt16BE(at + 1);
    const known = labels.join('.').toLowerCase() === this.name;
    const records = known && type === A ? this.addresses : [];
    if (known) this.questions++;
    const header = Buffer.alloc(12);
    question.copy(header, 0, 0, 2);                                          // its id
    header.writeUInt16BE(0x8580 | (known ? NO_ERROR : NO_SUCH_NAME), 2);  // an authoritative response
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const answers = records.map((address) =>
      Buffer.from([0xc0, 12, 0, A, 0, IN, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]));  // 0xc0, 12: the name of the question
    return Buffer.concat([header, question.subarray(12, at + 5), ...answers]);
  }
}
