#!/usr/bin/env bash
# Runs the mail server on 127.0.0.1 in the foreground: mailpit.sh DIR SMTP_PORT HTTP_PORT
#
# SMTP wants STARTTLS (authority: DIR/tls/ca.crt) and then AUTH as gatewatch:mail-secret. Mails are read at
# http://127.0.0.1:HTTP_PORT/api/v1/messages, and /api/v1/chaos makes it refuse senders, recipients or passwords.
set -euo pipefail
umask 077
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/env.sh
. "$here/env.sh"

if [ $# -ne 3 ]; then
    echo "usage: ${0##*/} DIR SMTP_PORT HTTP_PORT" >&2
    exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
"$here/tls.sh" "$dir/tls"
echo 'gatewatch:mail-secret' >"$dir/accounts"
echo $$ >"$dir/pid"
exec "$GATEWATCH_MAILPIT" --smtp "127.0.0.1:$2" --listen "127.0.0.1:$3" --database "$dir/mail.db" --max 0 \
    --smtp-tls-cert "$dir/tls/server.crt" --smtp-tls-key "$dir/tls/server.key" --smtp-require-starttls \
    --smtp-auth-file "$dir/accounts" --smtp-disable-rdns --enable-chaos --disable-version-check
