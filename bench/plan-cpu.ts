/**
 * CPU time of a plan: one director with 635 services and 12,065 real servers against its own table with one service
 * removed. Baseline: splitting the same text into lines and words, which is the least any reader of it does.
 */
import { checkCapabilities, type FetchPart, parseLive, type PartResult, renderMove } from '../lib/dialect';
import { type DesiredDirector, type LiveDirector } from '../lib/model';
import { planTable } from '../lib/plan';
import { listBigTable } from './support/big-table';
import { compare, cpuMs, printComparison } from './support/compare';

const printed = (stdout: string): PartResult => ({ code: 0, stdout, stderr: '' });

const listings = listBigTable();
const parts: Record<FetchPart, PartResult> = {
  path: printed('/usr/sbin/ipvsadm\n'),
  version: printed('ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n'),
  save: printed(listings.save),
  thresholds: printed(listings.thresholds),
  timeout: printed('Timeout (tcp tcpfin udp): 900 120 300\n'),
  daemon: printed(''),
  kernel: printed('6.1.0-50-cloud-amd64\n'),
  package: printed('1:1.31-1'),
  iptables: printed('iptables v1.8.9 (nf_tables)\n'),
  ip6tables: printed('ip6tables v1.8.9 (nf_tables)\n'),
  marks: printed(''),
  marks6: printed(''),
  records: printed(''),
};
const CHAIN = 'LVSFORM-edge';

function wishWithoutOneService(live: LiveDirector): DesiredDirector {
  const { services, marks, daemons } = live.table;
  return {
    director: { name: 'lb1', host: 'lb1.example.net', owns: 'table' },
    table: { services: services.filter((_, at) => at !== 300), marks, timeouts: {}, daemons },
    policies: {},
    sources: {},
  };
}

const wish = wishWithoutOneService(parseLive(parts, 'lb1', CHAIN));

function plan(): number {
  const live = parseLive(parts, 'lb1', CHAIN);
  checkCapabilities(wish.table, live);
  return planTable('edge', wish, live).moves.map(renderMove).length;
}

/** Reads both listings the plainest way there is. */
function split(): number {
  return [listings.save, listings.thresholds]
    .map((text) => text.split('\n').map((line) => line.split(' ')).length)
    .reduce((sum, lines) => sum + lines);
}

async function main(): Promise<void> {
  if (plan() !== 1) throw new Error('the plan should be to remove one service');
  const comparison = await compare(
    { name: 'parse, keep, diff, order, render', run: () => cpuMs(plan) },
    { name: 'split into lines and words', run: () => cpuMs(split) },
    { rounds: 25, warmUps: 8 },
  );
  printComparison('Plan of 635 services with 12,065 real servers, CPU time', comparison);
}

void main();
