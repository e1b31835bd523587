import { readFileSync } from 'node:fs';

/** What our own images are made from: `GATECAST_NODE_IMAGE`, else the one that docker/Dockerfile names. */
export function nodeImage(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.GATECAST_NODE_IMAGE || 'node:26-bookworm-slim';
}

/** Of the servers that tests need: `GATECAST_NATS_IMAGE`, `GATECAST_MOSQUITTO_IMAGE`, else those of Compose and chart. */
export function natsImage(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.GATECAST_NATS_IMAGE || 'nats:2.15.2-alpine';
}
export function mosquittoImage(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.GATECAST_MOSQUITTO_IMAGE || 'eclipse-mosquitto:2';
}

/**
 * `<registry>/<repository>/<service>:<tag>` of one of our own, by `GATECAST_IMAGE_REGISTRY` (may be empty),
 * `GATECAST_IMAGE_REPOSITORY` (default `gatecast`) and `GATECAST_IMAGE_TAG` (default: this version).
 */
export function serviceImage(service: string, env: Readonly<Record<string, string | undefined>> = process.env): string {
  const repository = env.GATECAST_IMAGE_REPOSITORY || 'gatecast';
  const registry = env.GATECAST_IMAGE_REGISTRY ? `${env.GATECAST_IMAGE_REGISTRY}/` : '';
  return `${registry}${repository}/${service}:${env.GATECAST_IMAGE_TAG || version()}`;
}

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
