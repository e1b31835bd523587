import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSecretSetting, loadConfig, variableOf } from '@gatecast/shared/config';
import { isGatecastError } from '@gatecast/shared/errors';
import type { TSchema } from 'typebox';
import { environmentOf, fileAt, UNKNOWN_SECRET } from './environment.ts';
import type { Container } from './kubernetes.ts';
import type { Pod, Release } from './release.ts';
import { contractOf, serviceOf } from './services.ts';

/** A container that runs a service of Gatecast, with the settings that the service itself reads from its environment. */
export interface ServiceSettings {
  readonly pod: Pod;
  readonly container: Container;
  readonly service: string;
  /** `<pod>: container <name>`, for messages. */
  readonly where: string;
  /** Absent when the service would refuse to start. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly problems: readonly string[];
}

/** Every service of the release reads its settings, as it does at its start. */
export function settingsOf(release: Release): ServiceSettings[] {
  return release.pods.flatMap((pod) =>
    pod.spec.containers.flatMap((container) => {
      const service = serviceOf(container);
      return service === undefined ? [] : [read(release, pod, container, service)];
    }),
  );
}

function read(release: Release, pod: Pod, container: Container, service: string): ServiceSettings {
  const { schema } = contractOf(service);
  const env = environmentOf(release, pod, container);
  const problems: string[] = [];
  const base = { pod, container, service, where: `${pod.id}: container ${container.name}`, problems };
  const folder = mkdtempSync(join(tmpdir(), 'gatecast-chart-'));
  try {
    for (const [setting, property] of Object.entries<TSchema>(schema.properties)) {
      if (!isFileSetting(setting, property)) continue;
      const variable = isSecretSetting(property) ? `${variableOf(setting)}_FILE` : variableOf(setting);
      const path = env[variable];
      if (path === undefined || path === '') continue;
      const file = fileAt(release, pod, container, path);
      if (file.state === 'missing') problems.push(`${variable}: ${path}: ${file.reason}`);
      env[variable] = join(folder, setting);
      writeFileSync(env[variable], file.state === 'present' ? file.content : UNKNOWN_SECRET);
    }
    return { ...base, config: loadConfig(schema, env) as Record<string, unknown> };
  } catch (error) {
    if (!isGatecastError(error, 'CONFIG_INVALID')) throw error;
    return { ...base, problems: [...problems, ...error.message.split('\n').slice(1)] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Its value, or what its variable names instead of a value, is the path of a file. */
function isFileSetting(setting: string, property: TSchema): boolean {
  return isSecretSetting(property) || setting.endsWith('File');
}
