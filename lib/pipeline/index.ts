/**
 * The sentence the product is: fetch → parse → keep → diff → order → render, and then lock → recheck → arm → execute →
 * verify → record → disarm (lib/apply). The only room of the library that knows every other one.
 */
export { type Adoption, adoptedLedger } from './adopted-ledger';
export type { ApplyReport, FleetEvent, Outcome } from '../fleet';
export { type ApplyHooks, applyPlan } from './apply-plan';
export {
  type Aim,
  applyPrepared,
  type ApplySettings,
  planDirector,
  planLive,
  type Prepared,
  prepare,
} from './director';
export { DEFAULT_PARALLELISM, findDrift, type OpenPlan, type PlanOptions, planStacks, unplanned } from './plan-stacks';
