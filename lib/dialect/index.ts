export { type BootRequest, isIdle, mergeRules, parseBootFile, renderBoot, renderBootFile, renderUnboot } from './boot';
export {
  type BootJob,
  bootJob,
  type BootOutcome,
  bootReadScript,
  type BootStep,
  bootWriteScript,
  DEBIAN_SETTINGS,
  parseBootOutcome,
  type ReadBootScript,
  recognizeBootScript,
} from './boot-script';
export { parseBootState } from './boot-state';
export { BOOT_UNIT, BOOT_UNIT_NAME, BOOT_UNIT_PATH } from './boot-unit';
export * from './capabilities';
export type { Counter, ListedForwarding, TableKind } from './columns';
export { type Connection, parseConnections } from './connections';
export { controllersScript, parseControllers } from './controllers';
export { drainInput, type DrainReading, drainScript, parseDrain } from './drain-script';
export {
  confirmInput,
  confirmScript,
  type GuardHeader,
  guardInput,
  guardScript,
  type RecordHeader,
} from './guard-script';
export * from './listing';
export {
  HEARTBEAT_SECONDS,
  lockScript,
  locksScript,
  parseHolder,
  parseSaid,
  rollbackInput,
  rollbackScript,
  type Said,
} from './lock-script';
export { parseLive, TornReadError } from './live';
export { type ListedMangle, type ListedRule, type MangleMarks, parseMangle, parseMarks } from './marks';
export { parseFiles, parseRecords, parseUndo } from './records';
export { renderMove, renderTable } from './render';
export { restoreLine } from './render-entry';
export { formatMarkRule } from './render-marks';
export { parseRulesFile, parseSave, type RulesFile } from './rules';
export * from './script';
export { scriptInput, type ScriptOptions } from './shell';
export { parseStats, STATS_COMMAND, statsScript } from './stats-script';
export { parseDaemons, parseIptablesVersion, parseTimeouts, parseVersion } from './settings';
export { type ListedServer, type ListedService, type ListedTable, parseTable } from './table';
export { renderUndo } from './undo-program';
