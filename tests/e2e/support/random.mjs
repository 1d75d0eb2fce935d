// Random choices that can be made again: every test prints its seed, TOPGUN_TEST_SEED=<seed> repeats it.
import {randomInt} from 'node:crypto';

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // The generator of a test, from a fresh seed unless one is given.
  static of(t) {
    const seed = Number(process.env.TOPGUN_TEST_SEED ?? randomInt(2 ** 31));
    t.diagnostic(`TOPGUN_TEST_SEED=${seed}`);
    return new Random(seed);
  }

  // A generator of its own, so that what one actor does does not depend on the others' timing.
  fork() {
    return new Random(this.int(2 ** 31));
  }

  // Uniform in [0, 1): mulberry32.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  int(end) {
    return Math.floor(this.next() * end);
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.int(list.length)];
  }
}
