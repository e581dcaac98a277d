/**
 * The ink part of the screen: it only paints lines that were laid out before. Loaded with `import()`,
 * because loading ink takes about a second.
 */
import { Component, useLayoutEffect } from 'react';
import type { ReactNode } from 'react';
import type { Key } from 'node:readline';
import { Box, Text, render, useStdout } from 'ink';
import type { StyledLine } from './styled-line.js';
import { paintLine } from './styled-line.js';
import { useKeys } from './use-keys.js';

/** Writes above the live region. */
type Print = (text: string) => void;

export type AppProps = Readonly<{
  live: readonly StyledLine[];
  colour: boolean;
  onKey: (key: Key) => void;
}>;

/**
 * What scrolls away does not come here, but is printed: ink would lay it out, and keep it until the end. A text of
 * its own for each line: those that have not changed are not measured again.
 */
export function App({
  live,
  colour,
  onKey,
  onPrint,
}: AppProps & Readonly<{ onPrint?: (print: Print) => void }>): ReactNode {
  useKeys(onKey);
  const { write } = useStdout();
  useLayoutEffect(() => onPrint?.(write), [write, onPrint]);
  return (
    <Box flexDirection="column">
      {live.map((line, index) => (
        <Text key={index}>{paintLine(line, colour)}</Text>
      ))}
    </Box>
  );
}

type BoundaryProps = Readonly<{ children: ReactNode; onError: (error: unknown) => void }>;

/** ink's own boundary would print a stack; ours stays silent and tells the reporter. */
export class CrashBoundary extends Component<BoundaryProps, { crashed: boolean }> {
  override state = { crashed: false };

  static getDerivedStateFromError(): { crashed: boolean } {
    return { crashed: true };
  }

  override componentDidCatch(error: unknown): void {
    this.props.onError(error);
  }

  override render(): ReactNode {
    return this.state.crashed ? null : this.props.children;
  }
}

export type MountedApp = Readonly<{
  /** Draws at once. */
  draw(props: AppProps): void;
  /** Whole lines, each with its newline: they belong to the terminal from now on. */
  print: Print;
  /** Leaves the scrollback, shows the cursor, leaves raw mode. */
  unmount(): void;
}>;

export function mountApp(
  first: AppProps,
  streams: Readonly<{ stdout: NodeJS.WriteStream; stdin: NodeJS.ReadStream }>,
  onError: (error: unknown) => void,
): MountedApp {
  let print: Print = () => undefined;
  const onPrint = (write: Print): void => {
    print = write;
  };
  const tree = (props: AppProps): ReactNode => (
    <CrashBoundary onError={onError}>
      <App {...props} onPrint={onPrint} />
    </CrashBoundary>
  );
  const instance = render(tree(first), {
    ...streams,
    exitOnCtrlC: false,
    isScreenReaderEnabled: false,
    // What is printed with console.log goes above the frame; some hosts of Node have no Console to patch.
    patchConsole: typeof console.Console === 'function',
  });
  return {
    draw: (props) => instance.rerender(tree(props)),
    print: (text) => print(text),
    unmount: () => instance.unmount(),
  };
}
