/** A network state as a value that survives JSON, and back. */
import { interfaceMap, type NetworkState } from '../network/state.js';
import type { RecordedState } from './events.js';

export function recordState(state: NetworkState): RecordedState {
  return { ...state, interfaces: [...state.interfaces.values()] };
}

export function stateOf(recorded: RecordedState): NetworkState {
  return { ...recorded, interfaces: interfaceMap(recorded.interfaces) };
}
