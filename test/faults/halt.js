// Preloaded into netorch by fault tests: at the event named in NETORCH_FAULT_AT the process does to itself what
// NETORCH_FAULT_DO says, in the very call that emits the event, before or after the journal has it.
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';

const { NETORCH_FAULT_AT: at, NETORCH_FAULT_DO: signal, NETORCH_FAULT_MARK: mark } = process.env;

if (at !== undefined && signal !== undefined && mark !== undefined) {
  let isOver = false;
  const [when, name] = at.split(':');
  subscribe(`netorch:${when}`, (event) => {
    const seen = event.type === 'host.phase' ? event.phase : event.type;
    if (isOver || seen !== name) return;
    isOver = true;
    writeFileSync(mark, seen);
    process.kill(process.pid, signal);
  });
}
