/** What a shell needs to ask netorch for completions: one function each, no state. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

// The line up to the cursor is split by netorch, for bash breaks words at ":" and "=", which patterns have.
const BASH = `# netorch completion for bash: source <(netorch completion bash)
_netorch() {
  local line="\${COMP_LINE:0:COMP_POINT}" word value strip files='' quoted=''
  word="\${line##*[[:space:]]}"
  # What bash takes for the word begins behind the last of its own word breaks.
  strip="\${word%"\${word##*[:=]}"}"
  # Within quotes it breaks nothing, and quotes for itself.
  case "$word" in [\\"\\']*) quoted=yes strip='' word="\${word#?}" ;; esac
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    if [ "$value" = ':files' ]; then
      files=yes
    elif [ -n "$value" ]; then
      value="\${value#"$strip"}"
      [ -n "$quoted" ] || value="$(printf '%q' "$value")"
      COMPREPLY+=("$value")
    fi
  done < <(netorch __complete --line "$line" 2>/dev/null)
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r value; do
      COMPREPLY+=("$value")
    done < <(compgen -f -- "\${word#"$strip"}")
  fi
  case "\${COMPREPLY[0]-}" in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -F _netorch netorch
`;

const ZSH = `#compdef netorch
# netorch completion for zsh: source <(netorch completion zsh), or save as _netorch in a folder of $fpath
_netorch() {
  local value description files=''
  local -a values descriptions
  while IFS=$'\\t' read -r value description; do
    if [[ $value == ':files' ]]; then
      files=yes
    elif [[ -n $value ]]; then
      values+=("$value")
      descriptions+=("$value\${description:+  -- $description}")
    fi
  done < <(netorch __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( \${#values} )) && compadd -l -d descriptions -a values
  [[ -n $files ]] && _files
  return 0
}
if [[ $funcstack[1] == _netorch ]]; then
  _netorch "$@"
else
  compdef _netorch netorch
fi
`;

const FISH = `# netorch completion for fish: netorch completion fish | source
function __netorch_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (netorch __complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c netorch -f -a '(__netorch_complete)'
`;

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
};
