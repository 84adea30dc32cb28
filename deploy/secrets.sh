#!/usr/bin/env bash
# Makes the secrets that docker-compose.yml mounts, once: what exists is kept. Needs openssl.
set -euo pipefail
umask 077
cd "$(dirname "$0")/.."
folder=${1:-.secrets}
mkdir -p "$folder"
cd "$folder"

# make NAME COMMAND…: the command's output becomes the file, unless the file is there.
make_once() {
    local name=$1
    shift
    [[ -s $name ]] && return
    "$@" >"$name.new"
    mv "$name.new" "$name"
}
sha256() { printf '%s' "$(<"$1")" | openssl dgst -sha256 -r | cut -d' ' -f1; }

for name in clickhouse_password analyst_password smtp_password grafana_password; do
    make_once "$name" openssl rand -hex 24
done
for name in dead_letter_key pseudonym_key disk_key console_key; do
    make_once "$name" openssl rand -hex 32
done

disk_xml() {
    cat <<XML
<clickhouse><storage_configuration><disks>
  <encrypted><key_hex>$(<disk_key)</key_hex></encrypted>
</disks></storage_configuration></clickhouse>
XML
}
users_xml() {
    cat <<XML
<clickhouse><users>
  <gatewatch><password_sha256_hex>$(sha256 clickhouse_password)</password_sha256_hex></gatewatch>
  <analyst><password_sha256_hex>$(sha256 analyst_password)</password_sha256_hex></analyst>
</users></clickhouse>
XML
}
make_once clickhouse_disk.xml disk_xml
make_once clickhouse_users.xml users_xml
make_once smtp_users printf 'gatewatch:%s\n' "$(<smtp_password)"

# A private authority, and the mail server's certificate under it.
if [[ ! -s smtp_certificate.pem ]]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=gatewatch local CA' \
        -keyout ca_key.pem -out smtp_ca.pem 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=mailpit' \
        -keyout smtp_key.pem -out smtp.csr 2>/dev/null
    openssl x509 -req -in smtp.csr -CA smtp_ca.pem -CAkey ca_key.pem -CAcreateserial -days 825 -out smtp_certificate.pem \
        -extfile <(printf 'subjectAltName=DNS:mailpit,DNS:localhost\nbasicConstraints=CA:FALSE\n') 2>/dev/null
    rm -f smtp.csr
fi

# Compose mounts secrets with the owner and mode of the file, and the containers run as other users: so the files are
# readable, and the folder is not.
chmod 0444 -- *
chmod 0400 -- ca_key.pem disk_key
chmod 0700 .
echo "secrets are in $PWD"
