import { isIP } from 'node:net';

/** Which images, and what there is beside the cluster. */
export interface E2eEnvironment {
  /** May be empty: names without a registry. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  /** The version that is upgraded to. Undefined: nothing is upgraded. */
  readonly nextTag: string | undefined;
  readonly natsImage: string;
  readonly mosquittoImage: string;
  /** A broker outside of the cluster, that pods can reach. */
  readonly outsideBroker: { readonly host: string; readonly port: number } | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** @throws {TypeError} naming the variable that is missing or wrong */
export function readEnvironment(variables: Variables): E2eEnvironment {
  const optional = (name: string) => variables[name] || undefined;
  const tag = optional('GATECAST_IMAGE_TAG');
  if (tag === undefined) throw new TypeError('GATECAST_IMAGE_TAG names the version of the images that are tested');
  if (optional('KUBECONFIG') === undefined) throw new TypeError('KUBECONFIG names the cluster that is tested on');
  return {
    registry: optional('GATECAST_IMAGE_REGISTRY') ?? '',
    repository: optional('GATECAST_IMAGE_REPOSITORY') ?? 'gatecast',
    tag,
    nextTag: optional('GATECAST_IMAGE_NEXT_TAG'),
    natsImage: optional('GATECAST_NATS_IMAGE') ?? 'nats:2.15.2-alpine',
    mosquittoImage: optional('GATECAST_MOSQUITTO_IMAGE') ?? 'eclipse-mosquitto:2',
    outsideBroker: addressOf(optional('GATECAST_E2E_OUTSIDE_BROKER')),
  };
}

/** `registry/repository/service:tag`. */
export function imageOf({ registry, repository, tag }: E2eEnvironment, service: string): string {
  return [...(registry === '' ? [] : [registry]), repository, `${service}:${tag}`].join('/');
}

function addressOf(text: string | undefined): E2eEnvironment['outsideBroker'] {
  if (text === undefined) return undefined;
  const { hostname, port } = URL.canParse(`mqtt://${text}`) ? new URL(`mqtt://${text}`) : { hostname: '', port: '' };
  if (hostname === '' || port === '') throw new TypeError(`GATECAST_E2E_OUTSIDE_BROKER=${text} is no host:port`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

export function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}
