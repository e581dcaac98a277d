# modules.sh: loads kernel modules ($MODULES) without the interfaces that some bring along.

load_modules() {
	for m in $MODULES; do
		case $m in
		bonding) modprobe -q bonding max_bonds=0 ;;
		dummy) modprobe -q dummy numdummies=0 ;;
		*) modprobe -q "$m" ;;
		esac
	done 2>/dev/null
}
