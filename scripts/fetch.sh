#!/usr/bin/env bash
# Fetches the real parts that the demo and the tests run against, once, into a cache that every clone shares:
# Kafka's jars by Maven, the ClickHouse engine by npm, the mail server and the engine of Prometheus by Go, two bouncers and axe-core
# by pip and npm. All are pinned and checked.
# Safe when called twice at once; silent when everything is there; a failed fetch leaves nothing half done.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/env.sh
. "$here/env.sh"

say() { echo "fetch: $*" >&2; }

mkdir -p "$GATEWATCH_CACHE"
exec 9>"$GATEWATCH_CACHE/lock"
flock 9 # whoever comes second finds everything there
work=$(mktemp -d "$GATEWATCH_CACHE/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

kafka() {
    [ -e "$GATEWATCH_KAFKA/lib" ] && return
    say "Kafka $kafka_version from Maven Central"
    mkdir "$work/kafka"
    mvn -B -q --strict-checksums -f "$here/kafka/pom.xml" "-DoutputDirectory=$work/kafka/lib" \
        dependency:copy-dependencies >"$work/maven.log" 2>&1 9>&- || { cat "$work/maven.log" >&2; exit 1; }
    check_jars "$work/kafka/lib"
    mv -T "$work/kafka" "$GATEWATCH_KAFKA"
}

# Exactly the listed jars, byte for byte.
check_jars() {
    if ! diff <(cd "$1" && sha256sum -- *.jar) "$here/kafka/jars.sha256" >&2; then
        say "the jars are not those of scripts/kafka/jars.sha256 (above: < fetched, > listed)"
        exit 1
    fi
}

# The classes of a broker, ready to map: it starts in a third of the time. It fits one JVM only, so its name is the JVM's.
archive() {
    local jvm file
    jvm=$(java -version 2>&1 | sha256sum | cut -c 1-12)
    file=$GATEWATCH_KAFKA/classes-$jvm.jsa
    [ -e "$file" ] && return
    say "class archive for Kafka"
    KAFKA_ARCHIVE_TO=$work/classes.jsa "$here/kafka.sh" "$work/broker" "$(free_port)" plain \
        >"$work/broker.log" 2>&1 9>&- </dev/null &
    local broker=$!
    for _ in $(seq 900); do
        grep -qs 'Kafka Server started' "$work/broker.log" && break
        kill -0 "$broker" 2>/dev/null || break
        sleep 0.1
    done
    kill "$broker" 2>/dev/null || true
    wait "$broker" || true # 143: ended by the signal, in order
    if [ -s "$work/classes.jsa" ]; then
        mv "$work/classes.jsa" "$file"
    else
        tail -n 20 "$work/broker.log" >&2
        say "no class archive was made; brokers start without it, only slower"
    fi
}

# Two neighbouring ports that nothing listens on.
free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
        (exec 3<>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null && continue
        echo "$port"
        return
    done
}

# A package of npm, by its integrity as npm writes it.
check_package() {
    local got
    got=sha512-$(openssl dgst -sha512 -binary "$1" | base64 -w 0)
    if [ "$got" != "$2" ]; then
        say "$(basename "$1") is not the pinned one: got $got"
        exit 1
    fi
}

chdb() {
    [ -e "$GATEWATCH_CHDB" ] && return
    say "ClickHouse engine $chdb_version from npm (178 MB)"
    mkdir "$work/chdb"
    (cd "$work" && npm pack --silent "@chdb/lib-linux-x64-gnu@$chdb_version" >/dev/null 9>&-)
    local package=$work/chdb-lib-linux-x64-gnu-$chdb_version.tgz
    check_package "$package" "$chdb_integrity"
    tar -xzf "$package" -C "$work/chdb" --strip-components=1 --no-same-owner
    mkdir -p "$(dirname "$(dirname "$GATEWATCH_CHDB")")"
    mv -T "$work/chdb" "$(dirname "$GATEWATCH_CHDB")"
}

# Since 1.21 Go fetches the toolchain that a module asks for. For an older one it is fetched here, as the module that it is.
toolchain() {
    local folder
    export GOMODCACHE=$work/modules GOFLAGS=-modcacherw
    mkdir "$work/toolchain"
    cd "$work/toolchain"
    go mod init toolchain 2>/dev/null
    folder=$(go mod download -json "golang.org/toolchain@v0.0.1-go$go_version.linux-amd64" 9>&- | sed -nE 's/.*"Dir": "(.*)".*/\1/p')
    : "${folder:?the toolchain cannot be fetched}"
    chmod -R u+x "$folder/bin" "$folder/pkg/tool" # modules carry no such bits
    echo "$folder/bin/go"
}

# Sets `go`: the machine's own where it is new enough to fetch what a module asks for.
find_go() {
    [ -n "${go:-}" ] && return
    go=go
    if [ "$(printf '%s\n' 1.21 "$(go version | sed -nE 's/.* go([0-9.]+).*/\1/p')" | sort -V | head -n 1)" != 1.21 ]; then
        go=$(toolchain)
        export GOROOT=${go%/bin/go}
    fi
}

mailpit() {
    [ -e "$GATEWATCH_MAILPIT" ] && return
    say "mail server mailpit $mailpit_version by Go" # the checksum database of Go vouches for the bytes
    find_go
    GOBIN=$work/mailpit GOFLAGS=-buildvcs=false "$go" install "github.com/axllent/mailpit@v$mailpit_version" >&2 9>&-
    mv -T "$work/mailpit" "$(dirname "$GATEWATCH_MAILPIT")"
}

# The engine of Prometheus in a small program: the tests ask it what panels and alerts ask.
promql() {
    [ -e "$GATEWATCH_PROMQL" ] && return
    say "the engine of Prometheus by Go" # scripts/promql/go.sum has the hashes
    find_go
    mkdir "$work/promql"
    GOFLAGS=-buildvcs=false "$go" build -C "$here/promql" -o "$work/promql/promql" . >&2 9>&-
    mv -T "$work/promql" "$(dirname "$GATEWATCH_PROMQL")"
}

# Two public clients of CrowdSec's API, as they are published: the tests let them read decisions.
bouncers() {
    [ -e "$GATEWATCH_BOUNCERS" ] && return
    say "bouncers: pycrowdsec $pycrowdsec_version from PyPI, @crowdsec/nodejs-bouncer $nodejs_bouncer_version from npm"
    mkdir "$work/bouncers"
    python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore --target "$work/bouncers/python" \
        "pycrowdsec==$pycrowdsec_version" 9>&- >&2
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work/bouncers/node" \
        "@crowdsec/nodejs-bouncer@$nodejs_bouncer_version" 9>&- >&2
    mv -T "$work/bouncers" "$GATEWATCH_BOUNCERS"
}

# What looks at pages for readers who see or move otherwise; the tests let a browser run it.
axe() {
    [ -e "$GATEWATCH_AXE" ] && return
    say "axe-core $axe_version from npm"
    mkdir "$work/axe"
    (cd "$work" && npm pack --silent "axe-core@$axe_version" >/dev/null 9>&-)
    check_package "$work/axe-core-$axe_version.tgz" "$axe_integrity"
    tar -xzf "$work/axe-core-$axe_version.tgz" -C "$work/axe" --strip-components=1 --no-same-owner package/axe.min.js
    mkdir -p "$(dirname "$(dirname "$GATEWATCH_AXE")")"
    mv -T "$work/axe" "$(dirname "$GATEWATCH_AXE")"
}

kafka
archive
chdb
mailpit
promql
bouncers
axe
