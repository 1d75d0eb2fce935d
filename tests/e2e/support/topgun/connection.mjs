// A client's connection (core.md 2): it authenticates whenever it is asked to, parks without a token, beats, and comes back after every close.
//
// The owner is told of two things: `onReady()` each time the server has accepted the client, also a repeated time on one connection, and
// `onMessage(message)` for every other message.
import WebSocket from 'ws';

import {decode, encode} from './encoding.mjs';

const HEARTBEAT_MS = 5000;
const PONG_PATIENCE_MS = 15_000;
const SILENCE_MS = 500;        // a server that asks for nothing for so long wants no authentication
const RETRY_MAX_MS = 2000;     // the stock client waits 1 s to 30 s; tests are in a hurry

export class Connection {
  constructor(owner, {token, deviceToken}) {
    Object.assign(this, {owner, token, deviceToken, urls: [], state: 'OFFLINE', closes: []});
    this.traffic = {sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0};
  }

  // Stays connected to one of the urls, tried in turn, until `stop`.
  start(urls) {
    this.urls = urls;
    this.attempt = 0;
    this.#open();
  }

  stop() {
    this.urls = [];
    clearTimeout(this.retry);
    this.socket?.close();
    this.#ended(this.socket);
  }

  // A token that comes late is used on the connection that waits for it.
  setToken(token) {
    this.token = token;
    if (this.state === 'PARKED') this.#authenticate();
  }

  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const bytes = encode(message);
    this.traffic.sentFrames += 1;
    this.traffic.sentBytes += bytes.length;
    this.socket.send(bytes);
  }

  #open() {
    const socket = new WebSocket(this.urls[this.attempt % this.urls.length], {perMessageDeflate: false});
    this.socket = socket;
    this.state = 'CONNECTING';
    socket.on('error', () => {});
    socket.on('close', (code) => {
      this.closes.push(code);
      this.#ended(socket);
    });
    socket.on('open', () => this.token ? this.#authenticate() : this.#sayHello());
    socket.on('message', (bytes) => socket === this.socket && this.#receive(bytes));
  }

  #ended(socket) {
    if (socket !== this.socket) return;
    this.socket = undefined;
    this.state = 'OFFLINE';
    clearInterval(this.heartbeat);
    clearTimeout(this.silence);
    if (this.urls.length === 0) return;
    const delay = Math.min(RETRY_MAX_MS, 100 * 2 ** this.attempt++) * (0.5 + Math.random());
    this.retry = setTimeout(() => this.#open(), delay);
  }

  #authenticate() {
    this.state = 'AUTHENTICATING';
    this.send({type: 'AUTH', token: this.token, deviceToken: this.deviceToken});
  }

  #sayHello() {
    this.state = 'HELLO';
    this.send({type: 'DEVICE_HELLO', deviceToken: this.deviceToken});
    this.silence = setTimeout(() => this.#ready(), SILENCE_MS);
  }

  #ready() {
    clearTimeout(this.silence);
    this.state = 'READY';
    this.attempt = 0;
    this.owner.onReady();
    clearInterval(this.heartbeat);
    this.lastPong = Date.now();
    this.heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  #beat() {
    if (Date.now() - this.lastPong > PONG_PATIENCE_MS) this.socket?.terminate();
    else this.send({type: 'PING', timestamp: Date.now()});
  }

  #receive(bytes) {
    this.traffic.receivedFrames += 1;
    this.traffic.receivedBytes += bytes.length;
    const message = decode(bytes);
    switch (message.type) {
      case 'AUTH_REQUIRED':
        clearTimeout(this.silence);
        if (this.token) this.#authenticate();
        else this.state = 'PARKED';
        return;
      case 'AUTH_ACK':
      case 'DEVICE_ACK':
        this.deviceId = message.deviceId;
        this.deviceToken = message.deviceToken ?? this.deviceToken;
        return this.#ready();
      case 'AUTH_FAIL':
        this.token = undefined;
        return;
      case 'PONG':
        this.lastPong = Date.now();
        return;
    }
    if (this.state === 'HELLO') this.#ready();
    this.owner.onMessage(message);
  }
}
