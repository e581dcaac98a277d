/**
 * What the way back of a plan would do, as a document to be read: the shipped restore script is sourced by
 * the shell, and asked for its recipes. `take-away` goes first, then each interface is brought from below to
 * what it was (made anew only when it is gone), then `put-back` is done for each line that is missing.
 */
import { execFileSync } from 'node:child_process';
import { stringify } from 'yaml';
import { restoreScripts } from '../../src/backends/iproute2-restore.js';
import type { ChangePlan } from '../../src/plan/change.js';
import type { NetworkState } from '../../src/network/state.js';
import { linesOfState } from './lines-of-state.js';

const ASK = `
newline='
'
each() {
  label=$1
  shift
  IFS=$newline
  for line in $1; do printf '%s\\t%s\\n' "$label" "ip $line"; done
  unset IFS
}
q() { printf 'put\\tip %s\\n' "$*"; }
bridge_lines() { printf 'put\\tbridge %s\\n' "$@"; }
for n in $CREATED; do printf 'created\\t%s\\n' "$n"; done
for n in $ORDER; do
  recipe "$n"
  printf 'link\\t%s\\n' "$n"
  state="mtu $R_MTU"
  [ -z "$R_MAC" ] || state="$state mac $R_MAC"
  if [ "$R_UP" = 1 ]; then state="$state up"; else state="$state down"; fi
  [ -z "$R_MASTER" ] || state="$state port-of $R_MASTER"
  [ -z "$R_PROMISC" ] || state="$state promisc $R_PROMISC"
  [ -z "$R_ALIAS" ] || state="$state alias '$R_ALIAS'"
  [ -z "$R_ALT_NAMES" ] || state="$state called $R_ALT_NAMES"
  [ -z "$R_ALT_GONE" ] || state="$state not-called $R_ALT_GONE"
  printf 'state\\t%s\\n' "$state"
  each anew "$R_CREATE"
  [ -z "$R_NO_PRIMARY" ] || printf 'set\\tno primary\\n'
  each idle "$R_IDLE_OPTIONS"
  each set "$R_OPTIONS"
  [ -z "$R_PORT_OPTIONS" ] || printf 'set\\tip link set dev %s type %s\\n' "$n" "$R_PORT_OPTIONS"
done
while read -r class kind words; do
  case $kind in
  group) restore_group "$words" ;;
  bridge-port) restore_group "$words" ;;
  ip | bridge) printf 'put\\t%s %s\\n' "$kind" "$words" ;;
  ip6) printf 'put\\tip -6 %s\\n' "$words" ;;
  write) printf 'put\\twrite %s\\n' "$words" ;;
  dns) printf 'put\\tthe resolv.conf that was there\\n' ;;
  esac
done
`;

type Way = {
  'take-away': string[];
  interfaces: Record<string, { is: string; anew?: string[]; idle?: string[]; set?: string[] }>;
  'put-back': string[];
};

/** `folder`: an empty one, for files that the script writes. */
export function restoreDocument(plan: ChangePlan, observed: NetworkState, folder: string): string {
  const scripts = restoreScripts({ plan, observed, lines: linesOfState(observed) });
  // Switches for IPv6 that the plan does not touch are in every way back: left out, to be readable.
  const switched = new Set(
    plan.changes.flatMap(({ operations }) =>
      operations.flatMap((one) => (one.op === 'set-ipv6-enabled' ? [one.name] : [])),
    ),
  );
  const recipes = scripts.recipes.filter((recipe) => {
    const name = /\/conf\/([^/]+)\/disable_ipv6 /.exec(recipe)?.[1];
    return name === undefined || switched.has(name);
  });
  const output = execFileSync('sh', ['-c', `${scripts.restore}${ASK}`], {
    input: [...new Set(recipes), ''].join('\n'),
    encoding: 'utf8',
    cwd: folder,
  });
  const way: Way = { 'take-away': [], interfaces: {}, 'put-back': [] };
  let current: Way['interfaces'][string] = { is: '' };
  for (const line of output.split('\n')) {
    const [what = '', text = ''] = line.split('\t', 2);
    if (what === 'created') way['take-away'].push(`ip link del dev ${text}`);
    if (what === 'link') way.interfaces[text] = current = { is: '' };
    if (what === 'state') current.is = text;
    if (what === 'anew' || what === 'idle' || what === 'set') (current[what] ??= []).push(text);
    if (what === 'put') way['put-back'].push(text);
  }
  way['take-away'].push(
    ...scripts.removals.map((line) => `ip ${line}`),
    ...scripts.removals6.map((line) => `ip -6 ${line}`),
  );
  return stringify(
    Object.fromEntries(Object.entries(way).filter(([, value]) => Object.keys(value).length > 0)),
    { lineWidth: 0 },
  );
}
