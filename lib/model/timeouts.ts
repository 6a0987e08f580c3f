import { z } from 'zod';
import { shown } from './issue';
import { MAX_TIMEOUT_SECONDS } from './virtual-service';

const error = (issue: { input?: unknown }): string =>
  `${shown(issue.input)} is not a timeout in seconds (1..${MAX_TIMEOUT_SECONDS})`;

/** A timeout in seconds, 1..2678400 (31 days). */
export const TimeoutSeconds = z.int({ error }).min(1, { error }).max(MAX_TIMEOUT_SECONDS, { error });

/** The kernel's connection timeouts, `ipvsadm --set`. */
export const Timeouts = z.strictObject({
  tcpSeconds: z.int().min(0),
  tcpFinSeconds: z.int().min(0),
  udpSeconds: z.int().min(0),
});
export type Timeouts = z.output<typeof Timeouts>;

/** Timeouts a stack declares; what it leaves out stays as it is on the director. */
export const DesiredTimeouts = z.strictObject({
  tcpSeconds: TimeoutSeconds.exactOptional(),
  tcpFinSeconds: TimeoutSeconds.exactOptional(),
  udpSeconds: TimeoutSeconds.exactOptional(),
});
export type DesiredTimeouts = z.output<typeof DesiredTimeouts>;
