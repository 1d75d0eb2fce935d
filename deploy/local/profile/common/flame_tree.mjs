// Stacks as a tree: the width of a node is what its function and all it calls have cost.
//
// A node is { n: name, w: where (file:line of the function's file), v: value, c: [children] }.

import { shortPath } from './report.mjs';

function child(node, name, where) {
  node.index ??= new Map();
  let found = node.index.get(name);
  if (!found) {
    found = { n: name, w: where, v: 0, c: [] };
    node.index.set(name, found);
    node.c.push(found);
  }
  return found;
}

function finish(node) {
  delete node.index;
  node.c.sort((a, b) => (a.n < b.n ? -1 : 1));
  node.c.forEach(finish);
}

// flameTree(name, samples, index): below the root the threads, below them the outermost functions.
export function flameTree(name, samples, index) {
  const root = { n: name, w: '', v: 0, c: [] };
  for (const { values, thread, frames } of samples) {
    const value = values[index];
    let node = root;
    node.v += value;
    if (thread !== '') {
      node = child(node, thread, 'thread');
      node.v += value;
    }
    for (let i = frames.length - 1; i >= 0; --i) {
      node = child(node, frames[i].name, frames[i].file ? shortPath(frames[i].file) : '');
      node.v += value;
    }
  }
  finish(root);
  return root;
}

// mergeTrees('cluster', trees): one tree with the given ones side by side.
export function mergeTrees(name, trees) {
  return { n: name, w: '', v: trees.reduce((sum, { v }) => sum + v, 0), c: trees };
}
