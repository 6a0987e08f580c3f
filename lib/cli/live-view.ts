/** Live lines on a terminal: one for every director in flight, and one for all of them. */
import { MultiBar, type SingleBar } from 'cli-progress';
import { count } from '../report';
import { describeFleet, describeReport, isTold, type View } from './describe-progress';
import { Estimate } from './estimate';
import { describeEvent } from './net';

/** How far a director is, by the last thing that happened on it; its line goes when it is done. */
const STAGES: Readonly<Record<string, { at: number; text: string }>> = {
  begun: { at: 0, text: 'connecting' },
  locked: { at: 1, text: 'checking again' },
  executing: { at: 2, text: 'changing' },
  verified: { at: 3, text: 'recording' },
};
const LAST_STAGE = 4;

/** The line of all directors, one for what is said next, and the cursor's. */
const OTHER_ROWS = 3;

/** A frame is many small writes: sent one by one a terminal would show it half-drawn. */
class Frame {
  private text = '';
  readonly isTTY = true;

  constructor(private readonly screen: NodeJS.WriteStream) {}

  get columns(): number {
    return this.screen.columns;
  }

  write(text: string): boolean {
    if (this.text === '')
      queueMicrotask(() => {
        this.flush();
      });
    this.text += text;
    return true;
  }

  flush(): void {
    this.screen.write(this.text);
    this.text = '';
  }
}

export function liveView(screen: NodeJS.WriteStream, total: number, parallelism: number): View {
  const frame = new Frame(screen);
  const bars = new MultiBar(
    {
      stream: frame as unknown as NodeJS.WritableStream,
      hideCursor: true,
      gracefulExit: false,
      clearOnComplete: false,
      format: '  {name} {bar} {text}',
      barsize: 12,
      fps: 8,
      // A line that is said pushes the bars down, also those that have not changed.
      forceRedraw: true,
    },
    { format: '{bar}', barCompleteChar: '█', barIncompleteChar: '░' },
  );
  const overall = bars.create(total, 0, { text: '' }, { format: `{bar} {value} of ${count(total, 'director')}{text}`, barsize: 24 }); // prettier-ignore
  const estimate = new Estimate(total, parallelism);
  let isStopped = false;
  const now = (): number => performance.now() / 1000;
  const lines = new Map<string, { bar: SingleBar; at: number }>();
  /** In flight without a line: there is no room for more. */
  const hidden = new Set<string>();
  const say = (line: string | undefined): void => {
    // The library swallows a line without its end, does not clear what was there before, and turns wrapping off.
    for (const row of line === undefined ? [] : wrap(line, screen.columns)) bars.log(`${row}\u001b[K\n`);
  };
  const summarize = (): void => {
    const seconds = isStopped ? undefined : estimate.secondsLeft();
    const left = seconds === undefined ? '' : `, about ${duration(seconds)} left`;
    overall.update({ text: `${hidden.size > 0 ? `, ${hidden.size} more in flight` : ''}${left}` });
  };
  const show = (name: string, text: string, stage = 0): void => {
    let line = lines.get(name);
    // More lines than the screen has would scroll it.
    if (line === undefined && lines.size < screen.rows - OTHER_ROWS) {
      line = { bar: bars.create(LAST_STAGE, 0, { name, text }), at: 0 };
      lines.set(name, line);
    }
    if (line === undefined) hidden.add(name);
    else {
      hidden.delete(name);
      // A drain splits an apply: its second half begins where the first had been.
      line.at = Math.max(line.at, stage);
      line.bar.update(line.at, { name, text });
    }
    summarize();
  };
  return {
    fleet: (event) => {
      if (event.kind === 'begun') {
        if (event.verb === 'apply') estimate.begin(event.director, now());
        show(event.director, event.verb === 'apply' ? 'connecting' : 'taking it back');
        return;
      }
      if (event.kind === 'wave') estimate.wave(event.number, event.waves);
      if (event.kind === 'stopped') isStopped = true;
      say(describeFleet(event));
      summarize();
    },
    director: (name, event) => {
      const stage = STAGES[event.kind];
      if (stage !== undefined) show(name, stage.text, stage.at);
      else {
        const text = describeEvent(name, event)?.replace(`${name}: `, '');
        if (text !== undefined) show(name, text);
      }
    },
    report: (report) => {
      estimate.end(report.director, now());
      const line = lines.get(report.director);
      if (line !== undefined) bars.remove(line.bar);
      lines.delete(report.director);
      hidden.delete(report.director);
      if (isTold(report)) {
        if (report.outcome !== 'skipped') overall.increment();
        say(describeReport(report));
      }
      summarize();
    },
    say,
    end: () => {
      // Lines that were said since the last frame would be lost.
      bars.update();
      bars.stop();
      frame.flush();
    },
  };
}

function wrap(text: string, columns: number): string[] {
  const rows = new RegExp(`.{1,${Math.max(20, columns)}}`, 'gu');
  return text.split('\n').flatMap((line) => line.match(rows) ?? ['']);
}

/** `40 s`, `12 min`, `3 h`. */
function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
