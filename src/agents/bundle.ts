/**
 * Assembles what is shipped to a host. The one place that reads the *.sh files, and the only sender of
 * scripts: everything goes through standard input, wrapped so that a cut connection runs nothing.
 */
import { readFileSync } from 'node:fs';

import { quoteSh } from '../quote-sh.js';

export type ScriptName =
  | 'readings'
  | 'boot-owners'
  | 'observe'
  | 'begin'
  | 'modules'
  | 'runtime'
  | 'restore-links'
  | 'restore-lines'
  | 'self-test'
  | 'forget'
  | 'persist'
  | 'ensure'
  | 'probe'
  | 'diagnose'
  | 'monitor'
  | 'statistics'
  | 'dhcp'
  | 'nm'
  | 'nm-persist'
  | 'put-back'
  | 'udhcpc';

const cache = new Map<ScriptName, string>();

/** The script without comments and indentation: less to ship, and nothing of it is read by people there. */
export function agentScript(name: ScriptName): string {
  let script = cache.get(name);
  if (script === undefined) {
    const text = readFileSync(new URL(`./${name}.sh`, import.meta.url), 'utf8');
    script = text
      .split('\n')
      .map((line) => line.replace(/^\t+/, ''))
      .filter((line) => line !== '' && !line.startsWith('#'))
      .join('\n')
      .concat('\n');
    cache.set(name, script);
  }
  return script;
}

const END = '#netorch-end';

/**
 * Runs what arrives on standard input, but only when all of it has arrived: the last line must be there.
 * Sent through the login shell, so it is kept to what sh, bash, zsh, fish and csh read alike.
 */
export const RUN_FROM_STDIN = `exec sh -c 's=$(cat); case $s in *"${END}") eval "$s" ;; *) exit 97 ;; esac'`;

/**
 * The same, and what follows on standard input is the script's own to read. A shell reads its input byte by byte and so
 * never more than the line that it wants.
 */
export const RUN_AND_LISTEN = `exec sh -c 'n=$(printf "\\nx"); n=\${n%x}; s=; while IFS= read -r l; do s=$s$l$n; case $l in "${END}") eval "$s"; exit ;; esac; done; exit 97'`;

export function stdinScript(...parts: readonly string[]): string {
  return `${parts.join('\n')}\n${END}\n`;
}

/** A shell function that writes the given files into the current folder, without a process. */
export function writeFilesFunction(name: string, files: Readonly<Record<string, string>>): string {
  const lines = Object.entries(files).map(
    ([file, content]) => `printf '%s' ${quoteSh(content)} >${quoteSh(file)} || return 1`,
  );
  return `${name}() {\n${lines.join('\n')}\n}`;
}

export function observeScript(): string {
  return stdinScript(agentScript('readings'), observeFunctions(), 'observe');
}

/** observe.sh and what it calls. */
export function observeFunctions(): string {
  return agentScript('boot-owners') + agentScript('observe');
}

/** runtime.sh as it is shipped: everything that its verbs need. */
export function runtimeScript(): string {
  return (
    agentScript('readings') +
    agentScript('dhcp') +
    agentScript('persist') +
    agentScript('restore-links') +
    agentScript('restore-lines') +
    agentScript('runtime')
  );
}

/** Lines as the text of a file. */
export function fileOf(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
