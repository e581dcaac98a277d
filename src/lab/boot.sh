#!/bin/bash
# boot KERNEL_WORD...: becomes the user-mode kernel of the lab machine in whose folder this script lies.
#
# When its guest reboots, the kernel executes its argv[0] again, with all files still open; it would then
# find its own NICs busy. So argv[0] is this script, which closes what it has inherited.
set -u
folder=${0%/*}
for file in /proc/"$$"/fd/*; do
  fd=${file##*/}
  # 255 is the one that bash reads this script from; it closes that by itself.
  case $fd in 0 | 1 | 2 | 255) ;; *) eval "exec $fd>&-" ;; esac
done
# With its old control folder in place the kernel would silently choose another name.
rm -rf "$folder/vm"
echo $$ >"$folder/pid"
exec -a "$0" linux.uml "$@"
