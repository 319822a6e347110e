#!/usr/bin/env bash
# Everything that a fresh Debian 12 or 13 lacks: Debian packages, .venv, Asterisk. As root or with sudo.
#   tools/setup.sh            what `make demo` needs
#   tools/setup.sh --tests    also what `make test` needs (browser, PostgreSQL, speech synthesis)
# Each step is skipped when its result is there. PYTHON= chooses another Python (3.11 to 3.13).
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"

say() { printf 'setup: %-10s %s\n' "$1" "$2"; }
die() { printf 'setup: %s\n' "$1" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "needs root or sudo for: $*"
    fi
}

# --- Debian packages: a program that is there already, from wherever, is good enough ---------------------
wanted=()
need() { command -v "$1" >/dev/null || [ -e "$1" ] || wanted+=("$2"); }

choose_python() {
    local each
    for each in ${PYTHON:-/usr/bin/python3 python3.13 python3.12 python3.11 python3}; do
        if "$each" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null; then
            command -v "$each"
            return
        fi
    done
}

list_packages() {
    if [ ! -x .venv/bin/python ] && [ -z "$(choose_python)" ]; then wanted+=(python3 python3-venv); fi
    need redis-server redis-server
    need tcpdump tcpdump
    command -v RHVoice-test >/dev/null || need espeak-ng espeak-ng
    need /etc/ssl/certs/ca-certificates.crt ca-certificates
    # An installed Asterisk of today, with telephones beside it; otherwise a private copy has them all.
    if asterisk -V 2>/dev/null | grep -qE 'Asterisk (certified.)?(2[0-9]|[3-9][0-9])'; then
        need baresip baresip-core
        need sipp sip-tester
    elif [ ! -x "${XDG_CACHE_HOME:-$HOME/.cache}/dozvon/asterisk-root/usr/sbin/asterisk" ]; then
        need mmdebstrap mmdebstrap
    fi
    if [ "${1:-}" = --tests ]; then
        need chromium chromium
        compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || wanted+=(postgresql)
    fi
}

# A server that a package brings along would start at once and at every boot; ours are children of our own.
install_packages() {
    local policy=/usr/sbin/policy-rc.d guard='' service
    if [ ! -e "$policy" ]; then
        guard=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
    fi
    local result=0
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        log=$1; shift
        apt-get install -qq -y --no-install-recommends "$@" >"$log" 2>&1 ||
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@"; } >>"$log" 2>&1' \
        sh "$apt_log" "$@" || result=$?
    if [ -n "$guard" ]; then as_root rm -f "$policy"; fi
    [ "$result" = 0 ] || { tail -n 5 "$apt_log" >&2; die "apt-get could not install: $*"; }
    if [ -d /run/systemd/system ]; then
        for service in redis-server postgresql; do
            case " $* " in *" $service "*) as_root systemctl disable --now "$service" >/dev/null 2>&1 || true ;; esac
        done
    fi
}

list_packages "${1:-}"
if [ "${#wanted[@]}" -gt 0 ]; then
    say packages "installing ${wanted[*]}"
    apt_log=$(mktemp)
    trap 'rm -f "$apt_log"' EXIT
    install_packages "${wanted[@]}"
else
    say packages present
fi

# --- .venv: exactly the locked set, checked by hashes ----------------------------------------------------
if [ ! -x .venv/bin/python ]; then
    python=$(choose_python)
    [ -n "$python" ] || die "no Python 3.11 to 3.13 with venv was found (PYTHON= names one)"
    say python "making .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv
fi
stamp=.venv/.dozvon-installed
now=$({ .venv/bin/python -V; cat requirements.lock pyproject.toml; pwd; } | sha256sum | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null)" != "$now" ]; then
    say libraries "installing $(grep -c '==' requirements.lock) locked packages"
    pip() { .venv/bin/python -m pip --disable-pip-version-check -q "$@"; }
    # setuptools first: it builds the few packages that come as source, instead of one fetched unchecked.
    tools=$(mktemp)
    awk '/^[a-z]/ {on = /^setuptools==/} on' requirements.lock >"$tools"
    pip install --require-hashes --no-deps -r "$tools"
    rm -f "$tools"
    pip install --require-hashes --no-build-isolation -r requirements.lock
    pip install --no-build-isolation --no-deps -e .
    echo "$now" >"$stamp"
else
    say libraries present
fi

# --- Asterisk: an installed one of version 20 or newer, else a private copy in the cache folder -----------
.venv/bin/python -m dozvon.machine.asterisk_root
