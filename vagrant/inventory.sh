#!/bin/sh
# inventory.sh [FILE]: an inventory of the machines that are up, in YAML for netorch and Ansible, from
# `vagrant ssh-config` or from a file that holds its output. Their host keys are learnt at the first connection, into
# known_hosts in the same folder as this script (NETORCH_VAGRANT_KNOWN_HOSTS: another file).
set -eu
cd "$(dirname "$0")"
known=${NETORCH_VAGRANT_KNOWN_HOSTS:-$PWD/known_hosts}
if [ $# -gt 0 ]; then config=$(cat "$1"); else config=$(vagrant ssh-config); fi

printf '%s\n' "$config" | awk -v known="$known" '
  # A value may hold spaces, and is then in double quotes.
  function value() {
    sub(/^[ \t]*[^ \t]+[ \t]+/, ""); sub(/[ \t\r]+$/, "")
    if ($0 ~ /^".*"$/) return substr($0, 2, length($0) - 2)
    return $0
  }
  function quoted(text) { gsub(/\047/, "\047\047", text); return "\047" text "\047" }
  $1 == "Host" { count++; name[count] = value(); next }
  count && $1 == "HostName" { address[count] = value(); next }
  count && $1 == "User" { user[count] = value(); next }
  count && $1 == "Port" { port[count] = value(); next }
  count && $1 == "IdentityFile" && !(count in key) { key[count] = value(); next }
  END {
    if (!count) { print "inventory.sh: no machine is up (vagrant up)" >"/dev/stderr"; exit 1 }
    print "cluster1:\n  hosts:"
    for (i = 1; i <= count; i++) {
      printf "    %s:\n      ansible_host: %s\n      ansible_port: %d\n", quoted(name[i]), quoted(address[i]), port[i]
      printf "      ansible_user: %s\n", quoted(user[i])
      if (i in key) printf "      ansible_ssh_private_key_file: %s\n", quoted(key[i])
      # By its number a playbook tells one host from another.
      if (match(name[i], /[0-9]+$/)) printf "      lab_index: %d\n", substr(name[i], RSTART)
    }
    print "  vars:\n    ansible_become: true"
    printf "    ansible_ssh_common_args: %s\n", quoted("-o UserKnownHostsFile=\"" known "\" -o StrictHostKeyChecking=accept-new")
  }'
