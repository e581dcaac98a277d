/** What the keys do, and what the screen asks. */
import type { Interaction } from './live-lines.js';
import { sanitise } from './sanitise.js';
import type { StyledLine } from './styled-line.js';
import { span } from './styled-line.js';
import type { RunView } from './view-model.js';
import { plural } from './words.js';

/** What an approval would begin, in words; undefined: none is asked for. */
export function approvalText({ approval, waves }: RunView): string | undefined {
  if (approval === undefined) return undefined;
  const hosts = waves[approval.wave]?.hosts;
  const size = hosts === undefined ? '' : ` (${plural(hosts, 'host')})`;
  return approval.before === 'wave'
    ? `wave ${approval.wave + 1}${size}`
    : `confirming wave ${approval.wave + 1}${size}`;
}

/** A question that waits for a key, or what the run waits for; undefined: nothing. */
export function questionLine(view: RunView, { screen, keys }: Interaction): StyledLine | undefined {
  if (screen.asked !== undefined) {
    return [
      span(sanitise(screen.asked.text), 'warning'),
      span('  y: yes, any other key: no', 'strong'),
    ];
  }
  const approval = approvalText(view);
  if (approval !== undefined) {
    return [
      span(`waiting for approval of ${approval}`, 'warning'),
      span(keys === 'control' ? '   a: approve' : '   netorch approve', 'strong'),
    ];
  }
  if (view.paused !== undefined) {
    return [
      span(`paused by ${sanitise(view.paused)}: no new host is started`, 'warning'),
      span(keys === 'control' ? '   p: go on' : '   netorch unpause', 'strong'),
    ];
  }
  return undefined;
}

/** One line: Ctrl-C in words while nothing else was pressed and there is room, then the keys. */
export function helpLine(view: RunView, interaction: Interaction, width: number): StyledLine {
  const { screen, keys } = interaction;
  if (screen.page === 'detail') {
    const back =
      keys === 'control' && view.active.has(screen.selected ?? '') ? 'r roll back  ' : '';
    return [span(`Esc list  Tab page  arrows scroll  ${back}? keys`, 'faint')];
  }
  if (screen.isTyping) return [span('type to filter, Enter keeps it, Esc ends it', 'faint')];
  if (screen.selected !== undefined) {
    const back = keys === 'control' && view.active.has(screen.selected) ? ['r roll back'] : [];
    const words = ['Enter look at it', ...back, 'Esc none', 'o order', '/ filter', '? keys'];
    return [span(fitting(words, width), 'faint')];
  }
  if (keys === 'watch') {
    return [span(fitting(['q leave (the run goes on)', ...LOOK], width), 'faint')];
  }
  if (view.stopping !== undefined) {
    return [
      span('stopping', 'warning'),
      span(': no new host is started. Ctrl-C: leave now, hosts roll back by themselves', 'faint'),
    ];
  }
  const interrupt = 'Ctrl-C: start no new host, let those under way end';
  const control = keys === 'control' ? ['p pause', 's stop'] : [];
  return [span(fitting([interrupt, ...LOOK, ...control], width), 'faint')];
}

const LOOK: readonly string[] = ['? keys', 'arrows Enter host', '/ filter', 'o order'];

/** As many of the words as there is room for. */
function fitting(words: readonly string[], width: number): string {
  let text = words[0] ?? '';
  for (const word of words.slice(1)) {
    if (text.length + 2 + word.length > width) break;
    text += `  ${word}`;
  }
  return text;
}

const CONTROLS: readonly (readonly [string, string])[] = [
  ['p', 'pause: begin no new host; p again: go on'],
  ['a', 'approve what the run waits for'],
  ['s', 'stop: begin no new host for good, let those under way end'],
  ['r', 'send the selected host back to what it was, now'],
];

/** All keys, a line each. */
export function helpPage(keys: Interaction['keys']): readonly StyledLine[] {
  const lines: readonly (readonly [string, string])[] = [
    ['arrows', 'select a host'],
    ['Enter', 'look at it: events, plan, commands (Tab); Esc: back'],
    ['/', 'filter by name, phase or outcome; finds queued and finished hosts too'],
    ['o', 'order: urgency, name, deadline, phase'],
    ...(keys === 'control' ? CONTROLS : []),
    keys === 'watch'
      ? ['q', 'leave; the run goes on']
      : ['Ctrl-C', 'as s; twice: leave now, the hosts go back by themselves'],
    ['?', 'this; any key: back'],
  ];
  const width = Math.max(...lines.map(([key]) => key.length));
  return lines.map(([key, text]) => [span(`  ${key.padEnd(width)}  `, 'strong'), span(text)]);
}
