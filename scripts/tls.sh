#!/usr/bin/env bash
# Makes a private authority and a certificate of it for localhost, once: tls.sh DIR
# Leaves ca.crt, server.crt, server.key and server.pem (key, certificate, authority; what Kafka reads).
# The two are apart because strict clients refuse an authority that poses as a server.
set -euo pipefail
umask 077
mkdir -p "$1"
cd "$1"
[ ! -e server.pem ] || exit 0
days=3650
openssl req -x509 -newkey rsa:2048 -noenc -days $days -subj "/CN=gatewatch test authority" \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt 2>/dev/null
openssl req -newkey rsa:2048 -noenc -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days $days -out server.crt -extfile <(
    echo "basicConstraints=critical,CA:false"
    echo "keyUsage=critical,digitalSignature,keyEncipherment"
    echo "extendedKeyUsage=serverAuth"
    echo "subjectAltName=DNS:localhost,IP:127.0.0.1"
) 2>/dev/null
rm -f server.csr ca.srl
cat server.key server.crt ca.crt >server.tmp
mv server.tmp server.pem
