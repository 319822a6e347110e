#!/bin/sh
# The daemon in the foreground, as soon as its secrets are there (see setup.sh): were it to start first, both
# would make secrets.
set -eu
tries=0
until [ -e /var/lib/dozvon/secrets/ready ]; do
    tries=$((tries + 1))
    [ "$tries" -le 300 ] || { echo "no secrets were made within a minute" >&2; exit 1; }
    sleep 0.2
done
exec dozvon serve --console
