// What cert-manager would make of Certificates: the Secrets that they name, signed by one authority.
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import {ofKind} from './objects.mjs';

const USAGES = {'server auth': 'serverAuth', 'client auth': 'clientAuth'};

export function issue(objects) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'topgun-certificates-'));
  const file = (name) => path.join(dir, name);
  const base64 = (name) => readFileSync(file(name)).toString('base64');
  const make = (name, ...args) => execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-days', '30', '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), ...args], {stdio: 'pipe'});
  try {
    make('ca', '-subj', '/CN=topgun');
    return ofKind(objects, 'Certificate').filter(({spec}) => !spec.isCA).map(({spec: {secretName, dnsNames, usages}}) => {
      make(secretName, '-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-subj', `/CN=${secretName}`,
           '-addext', 'basicConstraints=critical,CA:FALSE',
           '-addext', `subjectAltName=${dnsNames.map((name) => `DNS:${name}`)}`,
           '-addext', `extendedKeyUsage=${usages.map((usage) => USAGES[usage])}`);
      return {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {name: secretName},
        data: {'tls.crt': base64(`${secretName}.crt`), 'tls.key': base64(`${secretName}.key`), 'ca.crt': base64('ca.crt')},
      };
    });
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
}
