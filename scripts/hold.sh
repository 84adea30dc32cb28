#!/usr/bin/env bash
# Runs a part so that it never outlives whoever started it: hold.sh LOG SECONDS COMMAND…
#
# Prints the part's pid, appends what the part says to LOG, ends with its exit code. A line on standard input is a
# signal for the part (`KILL`); the end of standard input (however the starter died) is TERM and, SECONDS later, KILL.
# Should this shell itself be killed, the kernel kills the part (setpriv --pdeathsig).
set -u
log=$1
grace=$2
shift 2

set -m # the part leads a process group of its own
exec 3<&0 4>&1 >>"$log" 2>&1
# The part tells its pid once the kernel knows what to do, and only if this shell was still there by then.
# shellcheck disable=SC2016 # for the inner shell to expand
setpriv --pdeathsig KILL -- sh -c '[ "$PPID" = "$1" ] || exit 1; shift; echo "$$" >&4; exec 4>&-; exec "$@"' \
    hold "$$" "$@" </dev/null 3<&- &
part=$!
exec 4>&- >/dev/null 2>&1

orders() {
    local signal
    while read -r signal; do
        kill -s "$signal" "$part"
    done
    kill -s TERM "$part"
    kill -s CONT "$part" # a stopped part would not see it
    for ((tenth = 0; tenth < grace * 10; tenth++)); do
        kill -0 "$part" || return
        sleep 0.1
    done
    kill -s KILL "$part"
}
orders <&3 3<&- &
orders=$!
exec 3<&-

trap 'kill -s TERM "$part"' TERM INT HUP
while :; do # a trapped signal ends the wait early
    wait "$part"
    code=$?
    kill -0 "$part" || break
done
kill "$orders"
kill -s KILL -- "-$part" # what the part itself started and left behind
exit "$code"
