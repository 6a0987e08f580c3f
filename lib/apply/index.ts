export {
  type ApplyEvent,
  applyDirector,
  type DirectorApply,
  DEFAULT_CONFIRM_SECONDS,
  type Effect,
  journalEntry,
  type NetOptions,
} from './apply-director';
export { undoCommands } from './batch';
export { blockedError } from './blocked';
export { type BootPlan, planBoot, type Standing } from './boot';
export { readControllers } from './controllers';
export { awaitDrains, type Drain, type DrainProgress } from './drain';
export { executeCommands, executeSteps, type Refusal } from './execute';
export { type DirectorAccess, fetchLive } from './fetch';
export { confirm, executeGuarded, takeBack } from './guard';
export { acquireLock, describeHolder, type DirectorLock, readHolder, withLock } from './lock';
export { persistTable, readBoot } from './persist';
export { interruptedError, judgeSteps, refusalError } from './report-refusal';
export { type Stage, stagesOf } from './stages';
export { readStats } from './stats';
export { takeBackApply, takeBackRecords } from './take-back';
