/** Keys of the terminal, without ink's useInput: that throws on Ctrl+F1 … F4, outside of React. */
import { emitKeypressEvents } from 'node:readline';
import type { Key } from 'node:readline';
import { useStdin } from 'ink';
import { useLayoutEffect } from 'react';

/** Calls `onKey` for each key while the component is mounted; nothing where stdin is no terminal. */
export function useKeys(onKey: (key: Key) => void): void {
  const { stdin, setRawMode, isRawModeSupported } = useStdin();
  useLayoutEffect(() => {
    if (!isRawModeSupported) return;
    const onKeypress = (_text: string | undefined, key: Key): void => onKey(key);
    emitKeypressEvents(stdin);
    setRawMode(true);
    stdin.on('keypress', onKeypress);
    return () => {
      stdin.off('keypress', onKeypress);
      setRawMode(false);
    };
  }, [stdin, setRawMode, isRawModeSupported, onKey]);
}
