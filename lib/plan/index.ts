export { type BootDrift, bootDrift, bootFindings, tableAfterBoot, tableAtBoot } from './boot';
export { findDoubleClaims } from './claims';
export { drainPolicies } from './drain';
export { driftCause } from './drift';
export { tookEffect } from './effect';
export { ABSENT, fingerprints, movedEntries } from './fingerprint';
export { isOutdated, type LedgerEntry, ledgerOf } from './ledger';
export { daemonId, knownLedger, type OwnedOptions, ownedEntries } from './ledgers';
export { planTable, type TablePlan } from './plan-director';
