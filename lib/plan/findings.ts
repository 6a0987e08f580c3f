/** What a reviewer should know before approving, beyond the changes themselves. One cause gives one finding. */
import type { Finding } from '../model';
import { connectionFindings } from './findings/connections';
import { ownershipFindings } from './findings/ownership';
import { packetFindings } from './findings/packets';
import { poolFindings } from './findings/pools';
import type { Review } from './findings/review';

/** All findings, what blocks an apply first. */
export function findNotable(review: Review): Finding[] {
  const findings = [
    ...ownershipFindings(review),
    ...poolFindings(review),
    ...connectionFindings(review),
    ...packetFindings(review),
  ];
  const blocks = ({ severity }: Finding): boolean => severity === 'blocking';
  return [...findings.filter(blocks), ...findings.filter((finding) => !blocks(finding))];
}
