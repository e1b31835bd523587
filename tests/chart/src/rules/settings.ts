import { podNameOf } from '../environment.ts';
import type { ServiceSpec } from '../kubernetes.ts';
import type { Release } from '../release.ts';
import type { Rule } from '../rule.ts';
import { type ServiceSettings, settingsOf } from '../settings.ts';

/**
 * Each service accepts its environment, by its own schema: a variable that it does not know would end it at once, with
 * exit code 78. What the services have to agree on, they agree on; what is written twice is the same twice.
 */
export const settings: Rule = (release) => {
  const all = settingsOf(release);
  return [
    ...all.flatMap(({ where, problems }) => problems.map((problem) => `${where}: ${problem.trim()}`)),
    ...all.flatMap(repeatedVariables),
    ...all.flatMap(portProblems),
    ...all.flatMap(instanceProblems),
    ...all.flatMap((one) => natsProblems(release, one)),
    ...partitionProblems(all),
    ...fleetProblems(all),
  ];
};

function repeatedVariables({ where, container }: ServiceSettings): string[] {
  const names = (container.env ?? []).map(({ name }) => name);
  return names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => `${where}: ${name} is there twice, and the last one counts`);
}

function portProblems({ where, container, config }: ServiceSettings): string[] {
  if (config === undefined) return [];
  const portNamed = (name: string) => container.ports?.find((port) => port.name === name)?.containerPort;
  const expected: [string, unknown][] = [['admin', config.adminPort]];
  if (config.httpPort !== undefined) expected.push(['http', config.httpPort]);
  return expected
    .filter(([name, port]) => portNamed(name) !== port)
    .map(([name, port]) => `${where}: listens on ${port}, and its port ${name} is ${portNamed(name) ?? 'not named'}`);
}

/** Two processes of one instance would take each other's leases for their own. */
function instanceProblems({ where, pod, config }: ServiceSettings): string[] {
  if (config === undefined || config.instance === podNameOf(pod)) return [];
  const { env = [] } = pod.spec.containers[0] ?? {};
  if (!env.some(({ name }) => name === 'GATECAST_INSTANCE')) return []; // the host name: the pod's name too
  return [`${where}: its instance is ${String(config.instance)}, not the name of the pod`];
}

function natsProblems(release: Release, { where, config }: ServiceSettings): string[] {
  const urls = typeof config?.natsUrl === 'string' ? config.natsUrl.split(',') : [];
  return urls.flatMap((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) return [`${where}: ${text} is no URL`];
    const [host = '', namespace] = url.hostname.split('.');
    const services = [release.find('Service', host), release.find('Service', namespace ?? '')];
    const service = services.find((found) => found !== undefined);
    if (service === undefined) {
      return release.isExternal('Host', url.hostname)
        ? []
        : [`${where}: nothing in the release is called ${url.hostname}`];
    }
    const port = Number(url.port || 4222);
    const ports = ((service.spec as ServiceSpec).ports ?? []).map((entry) => entry.port);
    return ports.includes(port) ? [] : [`${where}: Service/${service.metadata.name} has no port ${port}`];
  });
}

function partitionProblems(all: readonly ServiceSettings[]): string[] {
  const numbers = new Set(all.flatMap(({ config }) => (config === undefined ? [] : [config.partitions])));
  return numbers.size > 1 ? [`the services do not agree on the number of partitions: ${[...numbers].join(', ')}`] : [];
}

function fleetProblems(all: readonly ServiceSettings[]): string[] {
  const fleets = all.flatMap(({ config }) => (config?.fleet === undefined ? [] : [config.fleet]));
  return fleets
    .filter((fleet, index) => fleets.indexOf(fleet) !== index)
    .map((fleet) => `two workloads serve the fleet ${String(fleet)}`);
}
