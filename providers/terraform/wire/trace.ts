/** With TF_LOG or TF_LOG_PROVIDER at TRACE, core's log gets a line about every call: when it came, and how long it took. */

export type Trace = <Answer>(method: string, answer: Promise<Answer>) => Promise<Answer>;

export function tracer(env: NodeJS.ProcessEnv, write: (line: string) => void): Trace {
  const level = env['TF_LOG_PROVIDER'] ?? env['TF_LOG'] ?? '';
  if (!/^trace$/i.test(level)) return (_method, answer) => answer;
  return (method, answer) => {
    const began = performance.timeOrigin + performance.now();
    return answer.finally(() => {
      const tookMs = performance.timeOrigin + performance.now() - began;
      write(`${logLine(`rpc ${method} began_ms=${began.toFixed(1)} took_ms=${tookMs.toFixed(1)}`)}\n`);
    });
  };
}

/** As core's logger reads it: six digits behind the second, or the line counts as text. */
function logLine(message: string): string {
  const timestamp = new Date().toISOString().replace('Z', '000Z');
  return JSON.stringify({ '@level': 'trace', '@message': message, '@timestamp': timestamp });
}
