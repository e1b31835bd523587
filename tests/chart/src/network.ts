import { BlockList, isIPv6 } from 'node:net';
import type { Labels, NetworkPeer, NetworkPolicySpec, NetworkPort } from './kubernetes.ts';
import { type Pod, portOf, type Release } from './release.ts';
import { matches } from './selectors.ts';

/** The other end of a connection: an address outside of the cluster's pods, or a pod. */
export type Peer = { readonly ip: string } | { readonly labels: Labels; readonly namespace: Labels | 'own' };

export interface Traffic {
  readonly direction: 'ingress' | 'egress';
  readonly pod: Pod;
  readonly peer: Peer;
  /** At the end that listens; egress to a named port is only known with the pod that names it. */
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP';
}

/** What the release's NetworkPolicies say, as https://kubernetes.io/docs/concepts/services-networking/network-policies/ */
export function isAllowed(release: Release, traffic: Traffic): boolean {
  const type = traffic.direction === 'ingress' ? 'Ingress' : 'Egress';
  const policies = policiesOf(release, traffic.pod).filter((policy) => typesOf(policy).includes(type));
  if (policies.length === 0) return true;
  return policies.some((policy) => rulesOf(policy, traffic).some((rule) => allows(rule, traffic)));
}

/** The policies that select a pod. */
export function policiesOf(release: Release, pod: Pod): NetworkPolicySpec[] {
  return release
    .ofKind('NetworkPolicy')
    .map(({ spec }) => spec as NetworkPolicySpec)
    .filter(({ podSelector }) => matches(podSelector, pod.labels));
}

export function typesOf({ policyTypes, egress }: NetworkPolicySpec): readonly ('Ingress' | 'Egress')[] {
  return policyTypes ?? (egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
}

interface PolicyRule {
  readonly peers?: readonly NetworkPeer[] | undefined;
  readonly ports?: readonly NetworkPort[] | undefined;
}

function rulesOf({ ingress = [], egress = [] }: NetworkPolicySpec, { direction }: Traffic): PolicyRule[] {
  return direction === 'ingress'
    ? ingress.map(({ from, ports }) => ({ peers: from, ports }))
    : egress.map(({ to, ports }) => ({ peers: to, ports }));
}

/** An absent or empty list allows everything. */
function allows({ peers = [], ports = [] }: PolicyRule, traffic: Traffic): boolean {
  return (
    (peers.length === 0 || peers.some((peer) => isPeer(peer, traffic.peer))) &&
    (ports.length === 0 || ports.some((port) => isPort(port, traffic)))
  );
}

function isPeer({ ipBlock, podSelector, namespaceSelector }: NetworkPeer, peer: Peer): boolean {
  if ('ip' in peer) {
    if (ipBlock === undefined) return false;
    return isInside(peer.ip, ipBlock.cidr) && !(ipBlock.except ?? []).some((range) => isInside(peer.ip, range));
  }
  if (ipBlock !== undefined) return false;
  const inNamespace =
    namespaceSelector === undefined
      ? peer.namespace === 'own'
      : matches(namespaceSelector, peer.namespace === 'own' ? {} : peer.namespace);
  return inNamespace && matches(podSelector ?? {}, peer.labels);
}

function isPort({ port, endPort, protocol = 'TCP' }: NetworkPort, traffic: Traffic): boolean {
  if (protocol !== (traffic.protocol ?? 'TCP')) return false;
  if (port === undefined) return true;
  if (typeof port === 'number') return traffic.port >= port && traffic.port <= (endPort ?? port);
  return traffic.direction === 'ingress' && portOf(traffic.pod, port)?.containerPort === traffic.port;
}

function isInside(ip: string, cidr: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/');
  const family = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
  if (family(ip) !== family(network)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family(network));
  return list.check(ip, family(ip));
}
