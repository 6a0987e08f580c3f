export type { ApplyReport, Outcome } from './report';
export { type FleetEvent, type FleetTasks, runFleet } from './run-fleet';
export type { StopReason } from './rollout-state';
export { type Turn, turnsOf, type Wave } from './turns';
