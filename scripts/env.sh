# shellcheck shell=bash
# shellcheck disable=SC2034 # read by those who source it
# Sourced by the other scripts and the Makefile: the versions of the parts, and where the tests find them.
# GATEWATCH_CACHE moves the downloads; it lies outside the project so that every clone shares it.

kafka_version=4.3.1 # the jars of it are listed in kafka/jars.sha256
chdb_version=26.7.3-stable.1
chdb_integrity=sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==
mailpit_version=1.27.11
pycrowdsec_version=0.0.5
nodejs_bouncer_version=0.2.0
axe_version=4.14.1
axe_integrity=sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
go_version=1.24.3 # what this mailpit asks for (promql wants no newer one); only fetched where Go is too old to see to it
promql_sources=$(cat "$(dirname "${BASH_SOURCE[0]}")"/promql/* | sha256sum | cut -c 1-12) # promql/go.mod has the version of Prometheus

GATEWATCH_CACHE=${GATEWATCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gatewatch}
GATEWATCH_KAFKA=${GATEWATCH_KAFKA:-$GATEWATCH_CACHE/kafka-$kafka_version}
GATEWATCH_CHDB=${GATEWATCH_CHDB:-$GATEWATCH_CACHE/chdb-$chdb_version/libchdb.so}
GATEWATCH_MAILPIT=${GATEWATCH_MAILPIT:-$GATEWATCH_CACHE/mailpit-$mailpit_version/mailpit}
GATEWATCH_BOUNCERS=${GATEWATCH_BOUNCERS:-$GATEWATCH_CACHE/bouncers-$pycrowdsec_version-$nodejs_bouncer_version}
export GATEWATCH_BOUNCERS
GATEWATCH_AXE=${GATEWATCH_AXE:-$GATEWATCH_CACHE/axe-$axe_version/axe.min.js}
export GATEWATCH_AXE
GATEWATCH_PROMQL=${GATEWATCH_PROMQL:-$GATEWATCH_CACHE/promql-$promql_sources/promql}
export GATEWATCH_PROMQL
export GATEWATCH_CACHE GATEWATCH_KAFKA GATEWATCH_CHDB GATEWATCH_MAILPIT
