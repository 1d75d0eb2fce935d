// A pod's files on this machine: what it mounts is made below a folder, and paths are moved there.
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';

import {ofKind} from './objects.mjs';

// Makes the folders of a container's mounts below `root`. `filesOf(volume)` is the content by name, or
// undefined for a folder that starts empty.
export function makeMounts(container, pod, root, filesOf) {
  for (const mount of container.volumeMounts ?? []) {
    const dir = path.join(root, mount.mountPath);
    mkdirSync(dir, {recursive: true});
    const volume = pod.spec.volumes?.find((candidate) => candidate.name === mount.name);
    for (const [name, content] of Object.entries((volume && filesOf(volume)) ?? {})) {
      writeFileSync(path.join(dir, name), content);
    }
  }
}

// The files of ConfigMaps and Secrets that are among the objects.
export function renderedFiles(objects) {
  return ({configMap, secret}) => {
    if (configMap) return ofKind(objects, 'ConfigMap').find((object) => object.metadata.name === configMap.name).data;
    if (!secret) return undefined;
    const found = ofKind(objects, 'Secret').find((object) => object.metadata.name === secret.secretName);
    if (!found && secret.optional) return undefined;
    const {data} = found;
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')]));
  };
}

// `text` with the paths of a container's mounts below `root`.
export function movedPaths(text, container, root) {
  return (container.volumeMounts ?? []).reduce(
      (out, {mountPath}) => out.replaceAll(new RegExp(`(?<![\\w/])${mountPath}\\b`, 'g'), root + mountPath), text);
}
