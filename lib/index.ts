/** What programs use: constructs, and the model's types behind them. */
export * from './constructs';
export { formatIssue, LvsformError, type ProgramIssue, ValidationError } from './model';
export type {
  Change,
  DirectorPlan,
  Family,
  Finding,
  ForwardingMethod,
  IgnorePattern,
  Ownership,
  Plan,
  PlanFile,
  Policy,
  Protocol,
  SchedulerFlag,
  SyncRole,
  TunnelChecksum,
  TunnelType,
} from './model';
export { loadStack } from './artefact';
