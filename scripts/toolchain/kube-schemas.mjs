import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './cache.mjs';
import { elapsed } from './context.mjs';
import { withLock } from './lock.mjs';
import { findPip, pipInstall } from './python.mjs';

/** @typedef {import('./context.mjs').Context} Context */

/** Of the package that carries the schemas of all supported versions of Kubernetes. */
const packageVersion = '1.37.0';

/** The oldest that the chart supports, the newest, and one between. */
export const kubernetesVersions = /** @type {const} */ (['1.30', '1.34', '1.37']);

/** Goes up when what this file makes of the package changes. */
const format = 1;

/**
 * A folder with JSON schemas of Kubernetes objects, for `kubeconform`: `v1.34/deployment-apps-v1.json`, each complete in
 * itself, and strict: properties that it does not name are refused.
 *
 * @param {Context} context
 * @returns {Promise<import('./go-tools.mjs').Found>}
 */
export async function ensureKubeSchemas(context) {
  const folder = schemasFolder(context);
  if (existsSync(folder)) return { path: folder };
  return withLock(
    join(context.tools, 'locks', 'kube-schemas'),
    {
      onWait: (owner) => context.log(`waiting for ${owner}, which is fetching schemas of Kubernetes …`),
      onPoll: context.throwIfStopped,
    },
    async () => (existsSync(folder) ? { path: folder } : fetchSchemas(context, folder)),
  );
}

/** @param {Pick<Context, 'tools'>} context */
export function schemasFolder({ tools }) {
  return join(tools, `kube-schemas-${packageVersion}-${kubernetesVersions.join('-')}-${format}`);
}

/**
 * @param {Context} context
 * @param {string} folder
 * @returns {Promise<import('./go-tools.mjs').Found>}
 */
async function fetchSchemas(context, folder) {
  const { python, problem } = await findPip(context);
  if (python === undefined) return { problem };
  const start = performance.now();
  const spec = `kubernetes-validate==${packageVersion}`;
  context.log(`fetching schemas of Kubernetes (${spec}) with pip …`);
  const failure = await makeFolder(folder, async (temporary) => {
    const fetched = join(temporary, 'package');
    const failed = await pipInstall(context, python, spec, fetched);
    if (failed !== undefined) return failed;
    const missing = kubernetesVersions.map((version) => writeVersion(fetched, version, temporary));
    rmSync(fetched, { recursive: true });
    return missing.find((problem) => problem !== undefined);
  });
  if (failure !== undefined) return { problem: `pip install ${spec} failed: ${failure}` };
  context.log(`schemas of Kubernetes ${kubernetesVersions.join(', ')} are in .tools/ now (${elapsed(start)})`);
  return { path: folder };
}

/**
 * @param {string} fetched
 * @param {string} version
 * @param {string} folder
 * @returns {string | undefined} what is missing
 */
function writeVersion(fetched, version, folder) {
  const all = join(fetched, 'kubernetes_validate', 'kubernetes-json-schema');
  const name = readdirSync(all).find((one) => one.startsWith(`v${version}.`) && one.endsWith('-local-strict'));
  if (name === undefined) return `it has no schemas of Kubernetes ${version}`;
  /** @param {string} file */
  const read = (file) => JSON.parse(readFileSync(join(all, name, file), 'utf8'));
  const definitions = read('_definitions.json').$defs;
  const target = join(folder, `v${version}`);
  mkdirSync(target);
  for (const file of readdirSync(join(all, name))) {
    const schema = file.startsWith('_') || file === 'all.json' ? {} : read(file);
    // The others are parts of kinds.
    if (schema['x-kubernetes-group-version-kind'] === undefined) continue;
    writeFileSync(join(target, file), JSON.stringify(standalone(schema, definitions)));
  }
  return undefined;
}

/**
 * @typedef {object} Schema
 * @property {string} [$ref]
 * @property {string} [$id]
 * @property {unknown} [type]
 * @property {unknown} [description]
 * @property {Record<string, Schema>} [properties]
 * @property {Record<string, Schema>} [$defs]
 * @property {boolean | Schema} [additionalProperties]
 * @property {boolean} [x-kubernetes-preserve-unknown-fields]
 */

/**
 * One schema that needs no other: with every definition that it refers to, directly or not.
 *
 * @param {Schema} schema
 * @param {Readonly<Record<string, Schema>>} definitions
 * @returns {Schema}
 */
export function standalone(schema, definitions) {
  /** @type {Record<string, Schema>} */
  const used = {};
  /** @param {unknown} node @returns {unknown} */
  const visit = (node) => {
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== 'object' || node === null) return node;
    // Descriptions are most of the text; a property of that name is an object.
    const kept = Object.entries(node).filter(([key, value]) => key !== 'description' || typeof value !== 'string');
    const entries = kept.map(([key, value]) => {
      if (key !== '$ref' || typeof value !== 'string') return [key, visit(value)];
      const name = value.slice(value.lastIndexOf('/') + 1);
      if (!Object.hasOwn(used, name)) {
        const definition = definitions[name];
        if (definition === undefined) throw new Error(`there is no definition ${name}`);
        used[name] = {}; // before its own references: some definitions refer to themselves
        used[name] = strict(/** @type {Schema} */ (visit(definition)));
      }
      return [key, `#/$defs/${name}`];
    });
    return Object.fromEntries(entries);
  };
  // Its id would be what references are relative to.
  const { $id: _, ...own } = /** @type {Schema} */ (visit(schema));
  return { ...strict(own), $defs: used };
}

/**
 * @param {Schema} schema
 * @returns {Schema}
 */
function strict(schema) {
  const isOpen = schema.properties === undefined || schema.additionalProperties !== undefined;
  return isOpen || schema['x-kubernetes-preserve-unknown-fields'] ? schema : { ...schema, additionalProperties: false };
}
