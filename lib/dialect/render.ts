/** Moves as commands, each with the commands that take it back. The reverse of the parsers in this room. */
import type { Command, DirectorTable, Move, Step } from '../model';
import {
  addServer,
  addService,
  editServer,
  editService,
  removeServer,
  removeService,
  setTimeouts,
  startDaemon,
  stopDaemon,
} from './render-entry';
import { buildChain, steer } from './render-marks';

/** What a step runs, and what takes it back. */
interface Rendered {
  command: Command;
  undo: Command[];
}

/** A move as the command that carries it out and the commands that restore exactly what was before. */
export function renderMove(move: Move): Step {
  const changes = move.verb === 'steer' ? move.changes : [move.change];
  return { phase: move.phase, verb: move.verb, changes: changes.map((change) => change.id), ...render(move) };
}

function render(move: Move): Rendered {
  switch (move.verb) {
    case 'add-service': {
      const after = known(move.change.after);
      return { command: addService(after), undo: [removeService(after.key)] };
    }
    case 'edit-service':
      return { command: editService(known(move.change.after)), undo: [editService(known(move.change.before))] };
    case 'remove-service': {
      const { before } = move;
      const servers = before.realServers.map((server) => addServer(before.key, server));
      return { command: removeService(before.key), undo: [addService(before), ...servers] };
    }
    case 'add-server': {
      const { service, after } = move.change;
      return { command: addServer(service, known(after)), undo: [removeServer(service, known(after))] };
    }
    case 'edit-server': {
      const { service, before, after } = move.change;
      return { command: editServer(service, known(after)), undo: [editServer(service, known(before))] };
    }
    case 'quiesce-server': {
      const { service, before } = move.change;
      const server = known(before);
      return { command: editServer(service, { ...server, weight: 0 }), undo: [editServer(service, server)] };
    }
    case 'remove-server': {
      const { service, before } = move.change;
      return { command: removeServer(service, known(before)), undo: [addServer(service, known(before))] };
    }
    case 'steer':
      return steer(move.steering);
    case 'set-timeouts':
      return { command: setTimeouts(known(move.change.after)), undo: [setTimeouts(known(move.change.before))] };
    case 'start-daemon': {
      const after = known(move.change.after);
      return { command: startDaemon(after), undo: [stopDaemon(after.role)] };
    }
    case 'stop-daemon': {
      const before = known(move.change.before);
      return { command: stopDaemon(before.role), undo: [startDaemon(before)] };
    }
  }
}

/** A create has an after, a delete a before, an update both. */
function known<Value>(value: Value | null): Value {
  if (value === null) throw new TypeError('a move lacks the entry it is about');
  return value;
}

/**
 * The commands that build a table where there is nothing: services, real servers, mark rules, timeouts, sync daemons.
 *
 * @param chain name of the chain for the mark rules
 */
export function renderTable(table: DirectorTable, chain: string): Command[] {
  return [
    ...table.services.map(addService),
    ...table.services.flatMap(({ key, realServers }) => realServers.map((server) => addServer(key, server))),
    ...(['inet', 'inet6'] as const).flatMap((family) =>
      buildChain(
        family,
        chain,
        table.marks.filter((rule) => rule.family === family),
      ),
    ),
    setTimeouts(table.timeouts),
    ...table.daemons.map(startDaemon),
  ];
}
