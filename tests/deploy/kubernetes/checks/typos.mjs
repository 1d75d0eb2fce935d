// Unknown fields. Schemas let them pass, so every object becomes a literal of its TypeScript type, where a
// field that does not exist is an error, often with the one that was meant.
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import ts from 'typescript';

import {modelOf} from './types.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));

// Groups of kubernetes-types by apiVersion.
const GROUPS = {
  'v1': 'core/v1',
  'networking.k8s.io/v1': 'networking/v1',
  'scheduling.k8s.io/v1': 'scheduling/v1',
};

function typeOf(object) {
  const model = modelOf(object);
  if (model.startsWith('@')) return {module: model, name: `I${object.kind}`};
  return {module: `kubernetes-types/${GROUPS[object.apiVersion] ?? object.apiVersion}`, name: object.kind};
}

// As people write it: a misspelt name in quotes gets no "did you mean".
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, of]) =>
    `${/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)}: ${literal(of)}`);
  return `{${fields.join(', ')}}`;
}

// One line per object, so that the line of a message tells the object.
function source(objects) {
  return objects.map((object, i) => {
    const {module, name} = typeOf(object);
    return `import type {${name} as T${i}} from '${module}'; const o${i}: T${i} = ${literal(object)}; void o${i};`;
  }).join('\n');
}

// [finding] of `sets`, {name: objects}; one compilation for all, because most of its time is the library.
export function checkTypos(sets) {
  const names = Object.keys(sets);
  const files = new Map(names.map((name, i) => [path.join(HERE, `rendered-${i}.ts`), {name, text: source(sets[name])}]));
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const {readFile, fileExists, getSourceFile} = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file)?.text ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => files.has(file)
    ? ts.createSourceFile(file, files.get(file).text, version)
    : getSourceFile.call(host, file, version, ...rest);
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    const found = diagnostic.file && files.get(diagnostic.file.fileName);
    if (!found) return message;
    const {line} = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start);
    const object = sets[found.name][line];
    return `${found.name}: ${object.kind}/${object.metadata?.name}: ${message}`;
  });
}
