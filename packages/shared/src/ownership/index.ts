export type { Lease, LeaseRecord, Ownership, OwnershipHandlers } from './ownership.ts';
export { leaseKeyOf, SoleOwnership, type SoleOwnershipOptions } from './sole-ownership.ts';
