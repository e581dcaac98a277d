/**
 * The ink part of the screen: it only paints lines that were laid out before. Loaded with `import()`,
 * because loading ink takes about a second.
 */
import { Component } from 'react';
import type { ReactNode } from 'react';
import type { Key } from 'node:readline';
import { Box, Static, Text, render } from 'ink';
import type { StyledLine } from './styled-line.js';
import { paintLine } from './styled-line.js';
import { useKeys } from './use-keys.js';

export type ScrollbackItem = Readonly<{ key: number; lines: readonly StyledLine[] }>;

export type AppProps = Readonly<{
  /** Only ever grows; each item is written once and then belongs to the terminal. */
  scrollback: readonly ScrollbackItem[];
  live: readonly StyledLine[];
  colour: boolean;
  onKey: (key: Key) => void;
}>;

export function App({ scrollback, live, colour, onKey }: AppProps): ReactNode {
  useKeys(onKey);
  return (
    <>
      <Static items={[...scrollback]}>
        {(item) => (
          <Box key={item.key} flexDirection="column">
            {item.lines.map((line, index) => (
              <Text key={index}>{paintLine(line, colour)}</Text>
            ))}
          </Box>
        )}
      </Static>
      <Box flexDirection="column">
        {live.map((line, index) => (
          <Text key={index} wrap="truncate">
            {paintLine(line, colour)}
          </Text>
        ))}
      </Box>
    </>
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
  /** Leaves the scrollback, shows the cursor, leaves raw mode. */
  unmount(): void;
}>;

export function mountApp(
  first: AppProps,
  streams: Readonly<{ stdout: NodeJS.WriteStream; stdin: NodeJS.ReadStream }>,
  onError: (error: unknown) => void,
): MountedApp {
  const tree = (props: AppProps): ReactNode => (
    <CrashBoundary onError={onError}>
      <App {...props} />
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
    unmount: () => instance.unmount(),
  };
}
