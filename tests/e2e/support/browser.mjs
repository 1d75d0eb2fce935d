// Debian's Chromium without a window. Every page is watched: what it logs, what it throws, whom it asks.
import {existsSync} from 'node:fs';

import {chromium} from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';
export const MISSING = existsSync(PROGRAM) ? false : `there is no ${PROGRAM}: apt-get install chromium`;

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export class Browser {
  static async start(t) {
    const browser = new Browser();
    browser.chromium = await chromium.launch({executablePath: PROGRAM, args: ARGS, timeout: 120_000});
    t.after(() => browser.chromium.close());
    return browser;
  }

  // `complaints`: errors on its console and exceptions. `asked`: URLs of all its requests.
  async open(url, options = {}) {
    const page = await this.chromium.newPage(options);
    page.setDefaultTimeout(60_000);
    const complaints = [];
    const asked = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(url);
    return {page, complaints, asked};
  }
}
