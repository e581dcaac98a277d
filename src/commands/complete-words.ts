/** What could come next on a command line, worked out over the tree of commands. Pure but for what it is given to ask. */
import type { Argument, Command, Option } from 'commander';

/** Where names come from; each is asked only when it is needed. */
export type CompletionSources = Readonly<{
  /** Hosts and groups of the inventory; `inventory`: what `--inventory` says so far. */
  hosts: (inventory: readonly string[]) => Promise<readonly string[]>;
  runs: () => readonly string[];
}>;

export type Candidate = Readonly<{ value: string; description: string }>;

export type Completion = Readonly<{
  candidates: readonly Candidate[];
  /** Names of files may come there too. */
  files: boolean;
}>;

const NOTHING: Completion = { candidates: [], files: false };
const FILES: Completion = { candidates: [], files: true };

/** `words`: all behind the program's name, the last one unfinished (and perhaps empty). */
export async function completeWords(
  program: Command,
  words: readonly string[],
  sources: CompletionSources,
): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const { command, position, pending, inventory, isOver } = walk(program, words.slice(0, -1));
  const [, flag = '', value] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  const option = pending ?? (value === undefined ? undefined : optionOf(command, flag));
  if (option !== undefined) {
    const text = pending === undefined ? (value ?? '') : current;
    const found = await optionValues(option, text, inventory, sources);
    const prefix = pending === undefined ? `${flag}=` : '';
    return {
      ...found,
      candidates: found.candidates.map((item) => ({ ...item, value: prefix + item.value })),
    };
  }
  if (!isOver && current.startsWith('-')) {
    return { candidates: starting(optionNames(command), current), files: false };
  }
  const commands = command.commands
    .filter((sub) => !sub.name().startsWith('_'))
    .map((sub) => ({ value: sub.name(), description: firstLine(sub.description()) }));
  if (commands.length > 0 && position === 0) {
    return { candidates: starting(commands, current), files: false };
  }
  return argumentValues(argumentAt(command, position), current, inventory, sources);
}

type Walked = Readonly<{
  command: Command;
  /** How many arguments of it are there already. */
  position: number;
  /** The option whose value comes next. */
  pending: Option | undefined;
  inventory: readonly string[];
  /** No options any more: "--" was there, or the command passes what follows on. */
  isOver: boolean;
}>;

function walk(program: Command, words: readonly string[]): Walked {
  let command = program;
  let position = 0;
  let pending: Option | undefined;
  let isOver = false;
  const inventory: string[] = [];
  for (const word of words) {
    if (pending !== undefined) {
      if (pending.attributeName() === 'inventory') inventory.push(word);
      pending = undefined;
    } else if (!isOver && word === '--') {
      isOver = true;
    } else if (!isOver && word.startsWith('-') && word !== '-') {
      const [flag = word, value] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
      const option = optionOf(command, flag);
      if (option?.attributeName() === 'inventory' && value !== undefined) inventory.push(value);
      if (option?.required === true && value === undefined) pending = option;
    } else {
      const sub = position === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (sub === undefined) position += 1;
      else command = sub;
    }
  }
  return { command, position, pending, inventory, isOver };
}

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find((option) => option.long === flag || option.short === flag);
}

function optionNames(command: Command): readonly Candidate[] {
  const own = command.options
    .filter((option) => !option.hidden)
    .map((option) => ({
      value: option.long ?? option.short ?? '',
      description: firstLine(option.description),
    }));
  return [...own, { value: '--help', description: 'show what the command does' }];
}

function argumentAt(command: Command, position: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[position] ?? (last?.variadic === true ? last : undefined);
}

/** Options whose value is a host pattern. */
const PATTERNS: ReadonlySet<string> = new Set(['hosts', 'limit']);
/** Options whose value is a file or a folder. */
const PLACES: ReadonlySet<string> = new Set([
  'inventory',
  'out',
  'html',
  'junit',
  'dir',
  'vaultPasswordFile',
]);

async function optionValues(
  option: Option,
  text: string,
  inventory: readonly string[],
  sources: CompletionSources,
): Promise<Completion> {
  if (option.argChoices !== undefined)
    return { candidates: choices(option.argChoices, text), files: false };
  const name = option.attributeName();
  if (PATTERNS.has(name)) return patterns(text, inventory, sources);
  return PLACES.has(name) ? FILES : NOTHING;
}

async function argumentValues(
  argument: Argument | undefined,
  text: string,
  inventory: readonly string[],
  sources: CompletionSources,
): Promise<Completion> {
  if (argument === undefined) return NOTHING;
  if (argument.argChoices !== undefined) {
    return { candidates: choices(argument.argChoices, text), files: false };
  }
  const name = argument.name();
  if (/^run\b/.test(name))
    return { candidates: choices([...sources.runs(), 'last'], text), files: false };
  if (/host|pattern/.test(name)) return patterns(text, inventory, sources);
  return /file|playbook|dir|folder/.test(name) ? FILES : NOTHING;
}

/** Names within a pattern such as `web:!web3`: the last part is the one that is being written. */
async function patterns(
  text: string,
  inventory: readonly string[],
  sources: CompletionSources,
): Promise<Completion> {
  const [, before = '', last = ''] = /^(.*[:,][!&]?|[!&])?([^:,]*)$/s.exec(text) ?? [];
  const names = await sources.hosts(inventory);
  return {
    candidates: choices(names, last).map((item) => ({ ...item, value: before + item.value })),
    files: false,
  };
}

function choices(values: readonly string[], text: string): readonly Candidate[] {
  return starting(
    values.map((value) => ({ value, description: '' })),
    text,
  );
}

function starting(all: readonly Candidate[], text: string): readonly Candidate[] {
  return all.filter(({ value }) => value.startsWith(text));
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
