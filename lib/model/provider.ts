import { z } from 'zod';
import { DirectorSettings, Ownership } from './director';
import { IgnorePattern } from './ignore';
import { RolloutSettings } from './rollout';

/** A fleet's rollout, and who is in the fleet. */
const Rollout = RolloutSettings.extend({ fleet: z.array(z.string()).meta({ description: 'Directors of the fleet.' }) });

/** The artefact's `provider "ipvs"` block: every director of the stack, and what holds for all of them. */
export const ProviderSettings = z.object({
  /** Name of the stack; names the chain of mark rules on every director. Default: the name of the artefact's folder. */
  stack: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Name of the stack. Default: the name of the artefact's folder." }),
  /** What the stack owns on directors that do not say so themselves. Default `declared`. */
  owns: Ownership.optional().meta({
    description: "What the stack owns on directors that do not say: 'declared' (default) or 'table'.",
  }),
  /** Live services that are left alone on every director, beside what a director says itself. */
  ignore: z.array(IgnorePattern).optional().meta({
    description: 'Live services that are left alone on every director, beside what a director says itself.',
  }),
  /** How changes reach the fleets, by fleet. Read by lvsform; Terraform keeps the order of the gates instead. */
  rollouts: z
    .record(z.string(), Rollout)
    .optional()
    .meta({ description: 'How changes reach the fleets of the stack, by fleet.' }),
  /** Directors by name. */
  directors: z.record(z.string(), DirectorSettings).default({}).meta({ description: 'Directors by name.' }),
});
export type ProviderSettings = z.output<typeof ProviderSettings>;
