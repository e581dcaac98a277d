/** The matrix: which faults, at which named points. Pure. */

/** Where a case strikes. Points of the host are named in begin.sh and runtime.sh, steps by wrapper.sh. */
export const BEGIN_POINTS = [
  'begin-recorded',
  'begin-written',
  'begin-compared',
  'begin-starting',
  'run-started',
  'timer-set',
  'armed',
  'applying',
] as const;
/** Lines of the way there that ip and bridge carry out, one by one; fewer than there are make a case that is not reached. */
export const STEPS = Array.from({ length: 20 }, (_, index) => `step-${index + 1}`);
export const END_POINTS = ['steps-done', 'confirm-allowed', 'confirmed'] as const;
/** On the way back, which a failing step begins. */
export const ROLLBACK_POINTS = [
  'rollback-wanted',
  'rollback-won',
  'rollback-alone',
  'rollback-restored',
] as const;
/** While a confirmed state is being made persistent (persist.sh), on hosts of each kind. */
export const PERSIST_POINTS = [
  'persist-begin',
  'owned-synced',
  'boot.sh-written',
  'boot.sh-synced',
  'boot.sh-renamed',
  'persist-end',
] as const;
/** Events of the controller: `emitting` is before its journal has it, `emitted` after. */
export const CONTROLLER_POINTS = [
  'emitting:arming',
  'emitted:arming',
  'emitting:host.armed',
  'emitted:host.armed',
  'emitted:reconnecting',
  'emitted:verifying',
  'emitted:probing',
  'emitting:confirming',
  'emitted:confirming',
  'emitting:host.finished',
] as const;

export type Outside =
  | 'kill'
  | 'hup'
  | 'freeze-controller'
  | 'disk-full'
  | 'journal-truncated'
  | 'second-netorch'
  | 'power'
  | 'freeze-host'
  | 'port-down'
  | 'loss'
  | 'delay';

export type Fault = Readonly<{
  name: string;
  /** Shell, on the host, at the point; the process that came there is $2. */
  action?: string;
  /** Done from outside while the host is held at the point. */
  outside?: Outside;
  /** `FROM TO`: those calls of ip and bridge with a batch fail, from the point on. */
  failing?: string;
  /** Nobody can confirm any more: the host goes back at its deadline, and a short one is as telling. */
  isNeverConfirmed?: true;
  /** Where the usual one would say more of the machine than of netorch. */
  deadlineSeconds?: number;
  /** What it does to other processes of the host is not put right but by a boot. */
  needsBoot?: true;
  /** netorch may rightly not know how it ended. */
  mayBeLost?: true;
  /** Nobody on a host without systemd is left to act: the state is to be named, and ended by `netorch rollback`. */
  isNotCovered?: 'minimal';
}>;

const RUNNER = 'for f in /run/netorch/*/runner.pid; do read -r p <"$f" && kill -KILL "-$p"; done';
const TIMER =
  'for f in /run/netorch/*/timer.pid; do [ -s "$f" ] && read -r p <"$f" && kill -KILL "-$p"; done';

/** The most telling ones first: the whole matrix takes its time. */
export const FAULTS: readonly Fault[] = [
  { name: 'power cut', outside: 'power', mayBeLost: true },
  { name: 'runner killed', action: RUNNER },
  { name: 'timer killed', action: TIMER },
  {
    name: 'runner and timer killed',
    action: `${RUNNER}; ${TIMER}`,
    isNeverConfirmed: true,
    mayBeLost: true,
    isNotCovered: 'minimal',
  },
  {
    name: 'SSH connection cut',
    // All sessions but those of the console, which come in over eth0.
    action: `ss -Htnp state established sport = :22 | grep -v ' 10\\.77\\.' | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p' | while read -r p; do kill -KILL "$p"; done`,
  },
  {
    name: 'host frozen past its deadline',
    outside: 'freeze-host',
    mayBeLost: true,
    isNeverConfirmed: true,
  },
  { name: 'controller kill -9', outside: 'kill', isNeverConfirmed: true },
  { name: 'clock 5 h forward', action: 'date -s "@$(($(date +%s) + 18000))"' },
  { name: 'clock 5 h back', action: 'date -s "@$(($(date +%s) - 18000))"' },
  { name: '/run full', action: 'cat /dev/zero >/run/fill' },
  { name: 'ip fails once', failing: '1 1' },
  { name: 'ip fails three times', failing: '1 3' },
  {
    name: 'SSH connection half open',
    action: `nft add table ip faults; nft 'add chain ip faults in { type filter hook input priority 0; }'
ss -Htn state established sport = :22 | while read -r _ _ _ peer; do
  case $peer in 10.77.*) ;; *) nft add rule ip faults in ip saddr "\${peer%:*}" tcp sport "\${peer##*:}" drop ;; esac
done`,
  },
  {
    name: 'controller frozen past the deadline',
    outside: 'freeze-controller',
    isNeverConfirmed: true,
  },
  { name: 'root read-only', action: 'sync; echo u >/proc/sysrq-trigger; sleep 1' },
  {
    name: 'switch ports down past the deadline',
    outside: 'port-down',
    mayBeLost: true,
    isNeverConfirmed: true,
  },
  { name: 'NIC unplugged', action: 'ip -n wire link set dev w1 down', mayBeLost: true },
  { name: 'controller SIGHUP', outside: 'hup', isNeverConfirmed: true },
  { name: '30 % loss', outside: 'loss' },
  { name: "controller's disk full", outside: 'disk-full' },
  { name: "controller's journal truncated", outside: 'journal-truncated' },
  // The first must not have gone back before the second comes, on a slow machine too.
  { name: 'two netorch on one host', outside: 'second-netorch', deadlineSeconds: 120 },
  // A login over it takes longer than most deadlines allow.
  { name: '2 s delay', outside: 'delay', mayBeLost: true },
  // Which process the kernel ends is its choice: it may be the SSH server.
  {
    name: 'out of memory',
    action: 'head -c 400000000 /dev/zero | tail >/dev/null',
    mayBeLost: true,
    needsBoot: true,
  },
];

/** At an event of the controller only the controller can be struck: it does it to itself, in that very call. */
const SELF: readonly Readonly<{ name: string; signal: string }>[] = [
  { name: 'controller kill -9', signal: 'SIGKILL' },
  { name: 'controller SIGHUP', signal: 'SIGHUP' },
  { name: 'controller frozen past the deadline', signal: 'SIGSTOP' },
];

export type FaultCase = Readonly<{
  id: string;
  fault: Fault;
  point: string;
  /** For points of the controller. */
  signal?: string;
  /** A step fails first, so that there is a way back. */
  failsFirst?: true;
  /** The change is made persistent; and what the boot has to make of it, where that is certain. */
  persists?: 'as planned' | 'as before' | 'either';
}>;

function casesOf(fault: Fault): FaultCase[] {
  const at = (point: string, more: Partial<FaultCase> = {}): FaultCase => ({
    id: `${fault.name} @ ${point}`,
    fault,
    point,
    ...more,
  });
  const self = SELF.find(({ name }) => name === fault.name);
  return [
    ...[...BEGIN_POINTS, ...STEPS, ...END_POINTS].map((point) => at(point)),
    ...ROLLBACK_POINTS.map((point) => at(point, { failsFirst: true })),
    ...(fault.outside === 'power'
      ? PERSIST_POINTS.map((point) => at(point, { persists: afterPowerCut(point) }))
      : []),
    ...(self === undefined
      ? []
      : CONTROLLER_POINTS.map((point) => at(point, { signal: self.signal }))),
  ];
}

/** The rename of boot.sh decides, once its folder is synced. */
function afterPowerCut(point: (typeof PERSIST_POINTS)[number]): NonNullable<FaultCase['persists']> {
  if (point === 'persist-end') return 'as planned';
  return point === 'boot.sh-renamed' ? 'either' : 'as before';
}

export const ALL_CASES: readonly FaultCase[] = FAULTS.flatMap(casesOf);

/** A quarter of an hour at most, on a machine with two processors: each fault once, where it hurts most. */
const QUICK: readonly string[] = [
  // What has to wait longest first, so that the last ones end together.
  'switch ports down past the deadline @ steps-done',
  '2 s delay @ applying',
  'power cut @ step-10',
  'host frozen past its deadline @ confirm-allowed',
  'runner and timer killed @ step-5',
  'controller frozen past the deadline @ emitted:verifying',
  'controller kill -9 @ step-6',
  'controller kill -9 @ emitting:confirming',
  'controller SIGHUP @ emitted:host.armed',
  "controller's disk full @ armed",
  "controller's journal truncated @ steps-done",
  'SSH connection cut @ timer-set',
  'SSH connection half open @ step-9',
  '30 % loss @ armed',
  'runner killed @ step-7',
  'runner killed @ rollback-won',
  'timer killed @ step-3',
  '/run full @ step-4',
  'root read-only @ step-2',
  'ip fails once @ step-8',
  'ip fails three times @ step-6',
  'out of memory @ step-12',
  'clock 5 h forward @ armed',
  'clock 5 h back @ steps-done',
  'two netorch on one host @ armed',
  'NIC unplugged @ step-1',
];

export const QUICK_CASES: readonly FaultCase[] = QUICK.map((id) => {
  const found = ALL_CASES.find((item) => item.id === id);
  if (found === undefined) throw new Error(`there is no case "${id}"`);
  return found;
});
