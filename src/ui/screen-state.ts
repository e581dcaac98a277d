/** What the keys of the screen do: pure, from a state and a key to a state and, perhaps, a wish. */
import type { Key } from 'node:readline';

/** The order of hosts under way. */
export type SortOrder = 'urgency' | 'name' | 'deadline' | 'phase';

const SORT_ORDERS: readonly SortOrder[] = ['urgency', 'name', 'deadline', 'phase'];

export type DetailPage = 'events' | 'plan' | 'commands';

const DETAIL_PAGES: readonly DetailPage[] = ['events', 'plan', 'commands'];

/** What the run is asked for, or whoever shows it. */
export type ScreenWish = Readonly<
  | { kind: 'interrupt' }
  /** Only where the run is another process's. */
  | { kind: 'leave' }
  | { kind: 'pause' | 'unpause' | 'approve' | 'stop' }
  | { kind: 'roll-back'; host: string }
>;

export type ScreenState = Readonly<{
  /** `list`: hosts; `detail`: the selected one. */
  page: 'list' | 'detail';
  detailPage: DetailPage;
  /** Lines of the detail that are scrolled away. */
  scroll: number;
  /** Only hosts whose name, phase or outcome has this in it; empty: no filter. */
  filter: string;
  /** Keys go into the filter. */
  isTyping: boolean;
  sort: SortOrder;
  selected: string | undefined;
  /** Waits for y; any other key takes it back. */
  asked: Readonly<{ text: string; wish: ScreenWish }> | undefined;
  /** All keys are told. */
  isHelp: boolean;
}>;

export const FIRST_SCREEN: ScreenState = {
  page: 'list',
  detailPage: 'events',
  scroll: 0,
  filter: '',
  isTyping: false,
  sort: 'urgency',
  selected: undefined,
  asked: undefined,
  isHelp: false,
};

/** What a key's meaning depends on. */
export type KeyContext = Readonly<{
  /** Hosts of the list, from top to bottom. */
  hosts: readonly string[];
  /** Hosts under way: only those can be sent back. */
  active: ReadonlyMap<string, unknown>;
  /** Somebody may ask something of the run here. */
  canControl: boolean;
  /** The run is another process's: to leave ends nothing. */
  isWatching: boolean;
  isPaused: boolean;
  isStopping: boolean;
  /** What an approval would begin, in words; undefined: none is asked for. */
  approval: string | undefined;
}>;

type Pressed = Readonly<{ state: ScreenState; wish?: ScreenWish }>;

/** Unknown keys change nothing. */
export function pressKey(state: ScreenState, key: Key, context: KeyContext): Pressed {
  if (key.ctrl === true && key.name === 'c') return { state, wish: { kind: 'interrupt' } };
  if (state.asked !== undefined) {
    const { wish } = state.asked;
    const next = { ...state, asked: undefined };
    return key.sequence === 'y' ? { state: next, wish } : { state: next };
  }
  if (state.isTyping) return { state: typeFilter(state, key) };
  if (state.isHelp) return { state: { ...state, isHelp: false } };
  const common = pressAnywhere(state, key, context);
  if (common !== undefined) return common;
  return state.page === 'detail' ? pressInDetail(state, key) : pressInList(state, key, context);
}

function typeFilter(state: ScreenState, key: Key): ScreenState {
  switch (key.name) {
    case 'return':
    case 'enter':
      return { ...state, isTyping: false };
    case 'escape':
      return { ...state, isTyping: false, filter: '', selected: undefined };
    case 'backspace':
      return { ...state, filter: Array.from(state.filter).slice(0, -1).join('') };
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- any other key
    default: {
      const { sequence = '' } = key;
      const isText = key.ctrl !== true && key.meta !== true && /^[^\p{Cc}]+$/u.test(sequence);
      return isText ? { ...state, filter: state.filter + sequence, selected: undefined } : state;
    }
  }
}

function pressAnywhere(state: ScreenState, key: Key, context: KeyContext): Pressed | undefined {
  const { canControl, selected, approval } = { ...context, selected: state.selected };
  const ask = (text: string, wish: ScreenWish): Pressed => ({
    state: { ...state, asked: { text, wish } },
  });
  switch (key.sequence) {
    case '?':
      return { state: { ...state, isHelp: true } };
    case 'p':
      return canControl
        ? { state, wish: { kind: context.isPaused ? 'unpause' : 'pause' } }
        : undefined;
    case 'a':
      if (!canControl || approval === undefined) return undefined;
      return ask(`approve ${approval}?`, { kind: 'approve' });
    case 's':
      if (!canControl || context.isStopping) return undefined;
      return ask('start no new host for good?', { kind: 'stop' });
    case 'r':
      if (!canControl || selected === undefined || !context.active.has(selected)) return undefined;
      return ask(`send ${selected} back to what it was, now?`, {
        kind: 'roll-back',
        host: selected,
      });
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- any other key
    default:
      return undefined;
  }
}

function pressInList(state: ScreenState, key: Key, context: KeyContext): Pressed {
  const { hosts } = context;
  const at = state.selected === undefined ? -1 : hosts.indexOf(state.selected);
  const select = (index: number): Pressed => {
    const host = hosts[Math.max(0, Math.min(hosts.length - 1, index))];
    return { state: { ...state, selected: host } };
  };
  switch (key.name) {
    case 'down':
    case 'j':
      return select(at + 1);
    case 'up':
    case 'k':
      return select(at < 0 ? 0 : at - 1);
    case 'pagedown':
      return select(at + 10);
    case 'pageup':
      return select(at - 10);
    case 'home':
      return select(0);
    case 'end':
      return select(hosts.length - 1);
    case 'return':
    case 'enter':
      if (state.selected === undefined) return select(0);
      return { state: { ...state, page: 'detail', scroll: 0 } };
    case 'escape':
      return { state: { ...state, selected: undefined, filter: '' } };
    case 'o':
      return { state: { ...state, sort: after(SORT_ORDERS, state.sort) } };
    case 'q':
      // Where the run is our own, one key must not end anything.
      return context.isWatching
        ? { state, wish: { kind: 'leave' } }
        : { state: { ...state, selected: undefined, filter: '' } };
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- any other key
    default:
      return key.sequence === '/' ? { state: { ...state, isTyping: true } } : { state };
  }
}

function pressInDetail(state: ScreenState, key: Key): Pressed {
  const scroll = (lines: number): Pressed => ({
    state: { ...state, scroll: Math.max(0, state.scroll + lines) },
  });
  switch (key.name) {
    case 'escape':
    case 'q':
    case 'return':
    case 'enter':
    case 'left':
      return { state: { ...state, page: 'list', scroll: 0 } };
    case 'tab':
    case 'right':
      return {
        state: { ...state, detailPage: after(DETAIL_PAGES, state.detailPage), scroll: 0 },
      };
    case 'down':
    case 'j':
      return scroll(1);
    case 'up':
    case 'k':
      return scroll(-1);
    case 'pagedown':
    case 'space':
      return scroll(10);
    case 'pageup':
      return scroll(-10);
    case 'home':
      return scroll(-state.scroll);
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- any other key
    default:
      return { state };
  }
}

function after<T>(all: readonly T[], one: T): T {
  return all[(all.indexOf(one) + 1) % all.length] ?? one;
}
