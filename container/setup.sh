#!/bin/sh
# Once before everything: the database's password, Asterisk's secrets and files. Repeating it changes nothing.
set -eu
umask 077
password=/run/dozvon-db/password
pgpass=/var/lib/dozvon/secrets/pgpass
mkdir -p /var/lib/dozvon/secrets /var/lib/dozvon/recordings /var/lib/dozvon/spool
if [ ! -s "$password" ]; then
    python -c 'import secrets; print(secrets.token_urlsafe(24))' > "$password.new"
    mv "$password.new" "$password"
fi
printf 'postgres:5432:dozvon:dozvon:%s\n' "$(cat "$password")" > "$pgpass.new"
mv "$pgpass.new" "$pgpass"
dozvon asterisk secrets
dozvon asterisk install --to /etc/asterisk --group dozvon
touch /var/lib/dozvon/secrets/ready
