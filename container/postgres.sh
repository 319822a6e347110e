#!/bin/sh
# PostgreSQL in the foreground; makes the database at the first start. The password comes from setup.sh.
set -eu
umask 077
data=/var/lib/postgresql/data
password=/run/dozvon-db/password
tries=0
until [ -s "$password" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 300 ] || { echo "no password was made within a minute" >&2; exit 1; }
    sleep 0.2
done
if [ ! -d "$data" ]; then
    rm -rf "$data.new"
    initdb -D "$data.new" -U postgres -A trust -E UTF8 --locale=C.UTF-8 > /dev/null
    # Local: this container only. From outside: the application, with its password.
    printf 'local all postgres trust\nhost dozvon dozvon samenet scram-sha-256\n' > "$data.new/pg_hba.conf"
    postgres --single -j -D "$data.new" postgres > /dev/null <<SQL
CREATE ROLE dozvon LOGIN PASSWORD '$(cat "$password")';

CREATE DATABASE dozvon OWNER dozvon;

SQL
    mv "$data.new" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
