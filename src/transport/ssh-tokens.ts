/** Tokens of ssh_config(5), "TOKENS", in the names of files and sockets. Pure. */

export type TokenValues = Readonly<{
  home: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The letter after `%` → what it stands for. */
  tokens: Readonly<Record<string, string>>;
}>;

/** `~/`, `%x` and `${NAME}`; a `${NAME}` that is not set stays. `unknown`: tokens that mean nothing. */
export function expandTokens(
  text: string,
  { home, env, tokens }: TokenValues,
): Readonly<{ text: string; unknown: readonly string[] }> {
  const unknown: string[] = [];
  const expanded = text.replaceAll(
    /^~(?=\/|$)|%(.?)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/gs,
    (token: string, letter: string | undefined, name: string | undefined) => {
      if (token === '~') return home;
      if (name !== undefined) return env[name] ?? token;
      if (letter === '%') return '%';
      const value = Object.hasOwn(tokens, letter ?? '') ? tokens[letter ?? ''] : undefined;
      if (value === undefined) unknown.push(token);
      return value ?? token;
    },
  );
  return { text: expanded, unknown };
}
