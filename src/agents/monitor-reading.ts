/**
 * What a watched host says, line by line, to what has changed. The kernel tells the whole of a link each time that
 * anything about it changes: what is new is found by comparing it with what was known.
 */
import type { LinkFacts } from './monitor-lines.js';
import {
  parseAddressLine,
  parseLinkLine,
  parseNmcliLine,
  parseRouteEvent,
} from './monitor-lines.js';
import type { LinkCondition, NetworkChange } from './network-change.js';

export type Heard = Readonly<
  | { kind: 'changes'; changes: readonly NetworkChange[] }
  /** From here on nothing is missed; `changes`: what has changed while nobody watched. */
  | { kind: 'watching'; changes: readonly NetworkChange[]; hasNetworkManager: boolean }
  | { kind: 'unfit'; what: string }
>;

/** Nothing that a host has to say is longer; but for routes over dozens of next hops. */
const LONGEST_LINE = 8_000;
/** What is known of one host takes a bounded amount of memory, whatever it says. */
const MOST_LINKS = 10_000;
const MOST_ADDRESSES = 40_000;

const NOTHING: Heard = { kind: 'changes', changes: [] };

export class MonitorReading {
  #links = new Map<number, LinkFacts>();
  #addresses = new Set<string>();
  /** What was known of the host when it was lost: by name, because a reboot numbers links anew. */
  #before:
    Readonly<{ links: ReadonlyMap<string, LinkFacts>; addresses: ReadonlySet<string> }> | undefined;
  #profiles = new Map<string, string>();
  #section: 'links' | 'addresses' | 'events' = 'events';
  #isFirst = true;
  #hasNetworkManager = false;
  #isServiceRunning: boolean | undefined;
  #meanwhile: readonly NetworkChange[] = [];

  /** A new connection begins: what the host is now comes first, and then what changes. */
  begin(): void {
    if (!this.#isFirst) {
      this.#before ??= {
        links: new Map([...this.#links.values()].map((link) => [link.name, link])),
        addresses: this.#addresses,
      };
    }
    this.#links = new Map();
    this.#addresses = new Set();
    this.#profiles = new Map();
    this.#section = 'events';
    this.#hasNetworkManager = false;
    this.#isServiceRunning = undefined;
    this.#meanwhile = [];
  }

  take(said: string): Heard {
    const line = said.slice(0, LONGEST_LINE);
    switch (line) {
      case '@no-ip':
        return { kind: 'unfit', what: 'there is no "ip" (iproute2)' };
      case '@no-monitor':
        return { kind: 'unfit', what: 'its "ip" cannot monitor (iproute2 is needed)' };
      case '@links':
        this.#section = 'links';
        return NOTHING;
      case '@addresses':
        this.#section = 'addresses';
        return NOTHING;
      case '@known':
        this.#section = 'events';
        this.#meanwhile = this.#since();
        return NOTHING;
      case '@networkmanager':
        this.#hasNetworkManager = true;
        return NOTHING;
      case '@watching': {
        const heard: Heard = {
          kind: 'watching',
          changes: this.#meanwhile,
          hasNetworkManager: this.#hasNetworkManager,
        };
        this.#isFirst = false;
        this.#before = undefined;
        this.#meanwhile = [];
        return heard;
      }
      default:
    }
    if (this.#section === 'links') this.#learnLink(line);
    else if (this.#section === 'addresses') this.#learnAddress(line);
    else return { kind: 'changes', changes: this.#event(line) };
    return NOTHING;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  /** Links that are up and have no carrier: what somebody who looks at the host wants to know. */
  withoutCarrier(): readonly string[] {
    return [...this.#links.values()]
      .filter((link) => link.isUp && !link.hasCarrier)
      .map((link) => link.name);
  }

  conditionOf(name: string): LinkCondition {
    for (const link of this.#links.values()) if (link.name === name) return conditionOf(link);
    return 'gone';
  }

  #learnLink(line: string): void {
    const told = parseLinkLine(line);
    if (told === undefined || this.#links.size >= MOST_LINKS) return;
    this.#links.set(told.facts.index, told.facts);
  }

  #learnAddress(line: string): void {
    const told = parseAddressLine(line);
    if (told === undefined || told.facts.state !== 'usable') return;
    this.#remember(told.facts.link, told.facts.address);
  }

  #remember(link: string, address: string): void {
    if (this.#addresses.size < MOST_ADDRESSES) this.#addresses.add(`${link} ${address}`);
  }

  /** What is otherwise than it was when the host was lost. */
  #since(): readonly NetworkChange[] {
    const before = this.#before;
    if (before === undefined) return [];
    const changes: NetworkChange[] = [];
    const now = new Set<string>();
    for (const link of this.#links.values()) {
      now.add(link.name);
      const former = before.links.get(link.name);
      changes.push(...(former === undefined ? [added(link)] : differences(former, link)));
    }
    for (const link of before.links.keys()) {
      if (!now.has(link)) changes.push({ kind: 'link-removed', link });
    }
    const difference = (one: ReadonlySet<string>, other: ReadonlySet<string>) =>
      [...one].filter((key) => !other.has(key)).map(splitKey);
    for (const key of difference(this.#addresses, before.addresses)) {
      changes.push({ kind: 'address-added', ...key });
    }
    for (const key of difference(before.addresses, this.#addresses)) {
      changes.push({ kind: 'address-removed', ...key });
    }
    return changes;
  }

  #event(line: string): readonly NetworkChange[] {
    const [, label, rest = ''] = /^\[(LINK|ADDR|ROUTE)\](.*)$/.exec(line) ?? [];
    // A profile of NetworkManager may have any name, also one that begins like the kernel's lines.
    const isProfile = line.endsWith('connection profile changed') && this.#hasNetworkManager;
    if (!isProfile && label === 'LINK') return this.#linkEvent(rest);
    if (!isProfile && label === 'ADDR') return this.#addressEvent(rest);
    if (!isProfile && label === 'ROUTE') {
      const told = parseRouteEvent(rest);
      if (told === undefined) return [];
      return [{ kind: told.isDeleted ? 'route-removed' : 'route-added', route: told.facts }];
    }
    if (line.startsWith('netlink receive error')) return [{ kind: 'missed' }];
    return this.#hasNetworkManager ? this.#networkManagerEvent(line) : [];
  }

  #linkEvent(text: string): readonly NetworkChange[] {
    const told = parseLinkLine(text);
    if (told === undefined) return [];
    const { facts: link, isDeleted } = told;
    const former = this.#links.get(link.index);
    if (isDeleted) {
      this.#links.delete(link.index);
      return former === undefined ? [] : [{ kind: 'link-removed', link: link.name }];
    }
    if (former === undefined && this.#links.size >= MOST_LINKS) return [];
    this.#links.set(link.index, link);
    if (former === undefined) return [added(link)];
    if (former.name !== link.name) this.#renameAddresses(former.name, link.name);
    return [...differences(former, link), ...this.#portChange(former, link)];
  }

  /** A bond that sends through one port at a time names it itself. */
  #portChange(before: LinkFacts, now: LinkFacts): readonly NetworkChange[] {
    const { name: link, attachedTo: bond, isActive } = now;
    if (bond === undefined || before.attachedTo !== bond) return [];
    if (before.isActive === undefined || isActive === undefined) return [];
    if (before.isActive === isActive) return [];
    for (const other of this.#links.values()) {
      if (other.name === bond && other.sendsThroughOne) return [];
    }
    return [{ kind: isActive ? 'port-activated' : 'port-deactivated', link, bond }];
  }

  #renameAddresses(from: string, to: string): void {
    for (const key of this.#addresses) {
      const { link, address } = splitKey(key);
      if (link !== from) continue;
      this.#addresses.delete(key);
      this.#addresses.add(`${to} ${address}`);
    }
  }

  /** The kernel tells each renewal of a lifetime, too. */
  #addressEvent(text: string): readonly NetworkChange[] {
    const told = parseAddressLine(text);
    if (told === undefined) return [];
    const { link, address, state } = told.facts;
    const isKnown = this.#addresses.has(`${link} ${address}`);
    if (told.isDeleted) {
      this.#addresses.delete(`${link} ${address}`);
      return isKnown ? [{ kind: 'address-removed', link, address }] : [];
    }
    if (state === 'tentative') return [];
    if (state === 'taken') {
      this.#addresses.delete(`${link} ${address}`);
      return [{ kind: 'address-taken', link, address }];
    }
    if (isKnown) return [];
    this.#remember(link, address);
    return [{ kind: 'address-added', link, address }];
  }

  #networkManagerEvent(line: string): readonly NetworkChange[] {
    const said = parseNmcliLine(line);
    if (said === undefined) return [];
    if (said.kind === 'using') {
      if (this.#profiles.size < MOST_LINKS) this.#profiles.set(said.link, said.profile);
      return [];
    }
    if (said.kind === 'nm-service') {
      // What it is at the beginning is told first, and is no news.
      const isNews = this.#isServiceRunning !== undefined || !said.isRunning;
      this.#isServiceRunning = said.isRunning;
      return isNews ? [said] : [];
    }
    if (said.kind !== 'nm-device') return [said];
    const profile = this.#profiles.get(said.link);
    if (said.state !== 'activated') this.#profiles.delete(said.link);
    return [profile === undefined ? said : { ...said, profile }];
  }
}

function splitKey(key: string): Readonly<{ link: string; address: string }> {
  const [link = '', address = ''] = key.split(' ');
  return { link, address };
}

function conditionOf(link: LinkFacts): LinkCondition {
  return link.isUp ? (link.hasCarrier ? 'up' : 'no-carrier') : 'down';
}

function added(link: LinkFacts): NetworkChange {
  return { kind: 'link-added', link: link.name, condition: conditionOf(link) };
}

/** From one state of a link to the next. */
function differences(before: LinkFacts, now: LinkFacts): readonly NetworkChange[] {
  const link = now.name;
  const changes: NetworkChange[] = [];
  if (before.name !== link) changes.push({ kind: 'link-renamed', link, before: before.name });
  if (before.attachedTo !== now.attachedTo) {
    if (before.attachedTo !== undefined) {
      changes.push({ kind: 'detached', link, from: before.attachedTo });
    }
    if (now.attachedTo !== undefined) changes.push({ kind: 'attached', link, to: now.attachedTo });
  }
  if (before.isUp !== now.isUp) {
    changes.push(
      now.isUp
        ? { kind: 'link-set-up', link, hasCarrier: now.hasCarrier }
        : { kind: 'link-set-down', link },
    );
  } else if (now.isUp && before.hasCarrier !== now.hasCarrier) {
    changes.push({ kind: now.hasCarrier ? 'carrier-found' : 'carrier-lost', link });
  }
  if (before.mtu !== now.mtu) {
    changes.push({ kind: 'mtu-changed', link, mtu: now.mtu, before: before.mtu });
  }
  if (before.mac !== now.mac) {
    changes.push({ kind: 'mac-changed', link, mac: now.mac, before: before.mac });
  }
  if (before.activePort !== now.activePort) {
    changes.push({
      kind: 'active-port-changed',
      link,
      ...(now.activePort === undefined ? {} : { port: now.activePort }),
      ...(before.activePort === undefined ? {} : { before: before.activePort }),
    });
  }
  return changes;
}
