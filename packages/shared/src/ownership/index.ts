export type { Acquisition } from './effects.ts';
export { type OpenOwnershipOptions, openOwnership } from './open-ownership.ts';
export type { Lease, LeaseRecord, MemberRecord, Ownership, OwnershipHandlers } from './ownership.ts';
export { OwnershipMetrics } from './ownership-metrics.ts';
export { leaseKeyOf, type OwnershipObserver, PartitionOwnership } from './partition-ownership.ts';
export { type BriefLease, VacantLeases, type VacantLeasesOptions } from './vacant-leases.ts';
