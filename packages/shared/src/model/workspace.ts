/** Record of the bucket `workspaces`. */
export interface WorkspaceRecord {
  workspace: string;
  name?: string;
  /** ISO 8601. */
  createdAt: string;
}

/** Record of the bucket `fleets`: a named set of gateways served by one publisher workload. */
export interface FleetRecord {
  fleet: string;
  description?: string;
  /** ISO 8601. */
  createdAt: string;
}
