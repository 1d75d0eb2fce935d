// When to look at something that may come and go with a period of its own. Pure.

// One moment at random in each period. Looks at a fixed distance would show a saw-tooth whose period nearly divides it as a slow
// ramp; these see every phase alike, so that means of many looks differ from the truth by noise only.
export class RandomMoments {
  // `random` as Math.random.
  constructor(period, random = Math.random) {
    Object.assign(this, {period, random, periods: 0});
  }

  // The next one, since the start and in the unit of the period.
  next() {
    return (this.periods++ + this.random()) * this.period;
  }
}
