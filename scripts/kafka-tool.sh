#!/usr/bin/env bash
# Runs one of Kafka's own command-line tools by its class: kafka-tool.sh TopicCommand --bootstrap-server HOST:PORT --list
# The class is one of org.apache.kafka.tools, or a full name.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/env.sh
. "$here/env.sh"
class=$1
shift
case $class in
*.*) ;;
*) class=org.apache.kafka.tools.$class ;;
esac
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-Dlog4j2.configurationFile=file:$here/kafka/log4j2-tools.properties" \
    -cp "$GATEWATCH_KAFKA/lib/*" "$class" "$@"
