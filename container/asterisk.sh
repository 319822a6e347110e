#!/bin/sh
# Asterisk in the foreground, as soon as its files are there (see setup.sh).
set -eu
tries=0
until [ -s /etc/asterisk/dozvon-secrets.conf ] && [ -s /etc/asterisk/dozvon-emergency ]; do
    tries=$((tries + 1))
    [ "$tries" -le 300 ] || { echo "Asterisk's files were not installed within a minute" >&2; exit 1; }
    sleep 0.2
done
exec asterisk -f
