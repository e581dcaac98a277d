# self-test.sh: what a timer set for a test runs: it sees time go by, and says so in the folder $1.

umask 077
cd "$1" || exit 1
read -r before _ </proc/uptime
sleep 0.1 2>/dev/null || sleep 1
read -r after _ </proc/uptime
[ "$before" != "$after" ] && : >fired
