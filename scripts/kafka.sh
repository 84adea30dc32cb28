#!/usr/bin/env bash
# Runs a broker of one node (KRaft) on 127.0.0.1 in the foreground: kafka.sh DIR PORT [plain|sasl]
#
# DIR keeps all that is the broker's; PORT is for clients, PORT+1 for its controller. `sasl` means TLS, SCRAM-SHA-512
# and ACLs: the authority is DIR/tls/ca.crt, the super user `admin`. Topics are not created on their own.
#   KAFKA_PASSWORD   password of `admin` (default admin-secret)
#   KAFKA_USERS      more users for sasl, as name=password separated by blanks; they may do nothing without an ACL
#   KAFKA_HEAP       heap (default 512m)
#   KAFKA_ARCHIVE_TO writes a class archive there when it ends (scripts/fetch.sh)
set -euo pipefail
umask 077 # passwords and keys
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/env.sh
. "$here/env.sh"

if [ $# -lt 2 ]; then
    echo "usage: ${0##*/} DIR PORT [plain|sasl]" >&2
    exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
port=$2
mode=${3:-plain}
password=${KAFKA_PASSWORD:-admin-secret}
heap=${KAFKA_HEAP:-512m}

fill() {
    sed -e "s|@DIR@|$dir|g" -e "s|@PORT@|$port|g" -e "s|@CONTROLLER@|$((port + 1))|g" -e "s|@PASSWORD@|$password|g" "$@"
}
fill "$here/kafka/broker.properties" "$here/kafka/$mode.properties" >"$dir/server.properties"

java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xlog:disable -Xlog:all=error:stderr
    "-Dlog4j2.configurationFile=file:$here/kafka/log4j2.properties" -cp "$GATEWATCH_KAFKA/lib/*")
archive=$GATEWATCH_KAFKA/classes-$(java -version 2>&1 | sha256sum | cut -c 1-12).jsa
if [ -n "${KAFKA_ARCHIVE_TO:-}" ]; then
    classes=("-XX:ArchiveClassesAtExit=$KAFKA_ARCHIVE_TO")
else
    classes=(-Xshare:auto "-XX:SharedArchiveFile=$archive") # starts without it, too
fi

if [ ! -e "$dir/data/meta.properties" ]; then
    format=(--standalone --ignore-formatted)
    if [ "$mode" = sasl ]; then
        "$here/tls.sh" "$dir/tls"
        for user in "admin=$password" ${KAFKA_USERS:-}; do
            format+=(--add-scram "SCRAM-SHA-512=[name=${user%%=*},password=${user#*=}]")
        done
    fi
    # Base64url of 16 bytes; never with a dash in front, which the tool would take for an option.
    id=k$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d = | cut -c 2-)
    "${java[@]}" -Xshare:auto "-XX:SharedArchiveFile=$archive" kafka.tools.StorageTool format \
        --cluster-id "$id" --config "$dir/server.properties" "${format[@]}"
fi

# A pid file for people; the pid stays, as the shell becomes the broker.
echo $$ >"$dir/pid"
exec "${java[@]}" "${classes[@]}" "-Xms$heap" "-Xmx$heap" kafka.Kafka "$dir/server.properties"
