// Every object against the schema of its kind: types, required fields, closed sets of values. Custom
// resources included.

const CUSTOM = {
  'cert-manager.io': '@kubernetes-models/cert-manager',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

// The module that describes the kind of an object.
export function modelOf({apiVersion, kind}) {
  const library = CUSTOM[apiVersion.split('/')[0]] ?? 'kubernetes-models';
  return `${library}/${apiVersion}/${kind}`;
}

export async function checkTypes(objects) {
  const findings = [];
  for (const object of objects) {
    const id = `${object.kind}/${object.metadata?.name}`;
    let model;
    try {
      model = (await import(modelOf(object)))[object.kind];
    } catch {
      findings.push(`${id}: nobody knows ${object.apiVersion} ${object.kind}`);
      continue;
    }
    try {
      new model(object).validate();
    } catch (error) {
      findings.push(`${id}: ${error.message}`);
    }
  }
  return findings;
}
