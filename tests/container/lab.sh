#!/bin/sh
# A podman of our own (storage, configuration, runtime) with local stand-ins for the base images, made from
# Debian by mmdebstrap: for machines that reach Debian's mirror and PyPI but no image registry.
#   lab.sh DIR     idempotent; afterwards: . DIR/env.sh
# What is built on the stand-ins proves the Dockerfile's logic, not the published base images. Never push
# them: they carry this machine's certificates.
set -eu
lab=$(realpath -m "$1")
missing=
for program in podman crun mmdebstrap ip iptables; do
    command -v "$program" > /dev/null || missing=yes
done
[ -x /usr/lib/podman/netavark ] && [ -x /usr/lib/podman/aardvark-dns ] || missing=yes
if [ -n "$missing" ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        podman buildah crun netavark aardvark-dns mmdebstrap iproute2 iptables > /dev/null
fi
mkdir -p "$lab/store" "$lab/run" "$lab/tmp" "$lab/net"

# crun behind a small door: lowers limits that this machine may not set, hides a cgroup mount that confuses it.
cat > "$lab/crun" <<'RUNTIME'
#!/usr/bin/env python3
import json
import os
import resource
import sys


def lower_limits(path: str, key: str) -> None:
    try:
        with open(path, encoding="utf-8") as file:
            spec = json.load(file)
    except (OSError, ValueError):
        return
    for limit in (spec[key] if key else spec).get("rlimits", []):
        most = resource.getrlimit(getattr(resource, limit["type"], resource.RLIMIT_CORE))[1]
        if most != resource.RLIM_INFINITY:
            limit["hard"] = min(limit["hard"], most)
            limit["soft"] = min(limit["soft"], limit["hard"])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(spec, file)


words = sys.argv[1:]
for option, value in zip(words, words[1:], strict=False):
    if option in ("--bundle", "-b"):
        lower_limits(os.path.join(value, "config.json"), "process")
    if option in ("--process", "-p"):
        lower_limits(value, "")
if {"create", "run", "exec"} & set(words):
    hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec /usr/bin/crun "$@"'
    os.execv("/usr/bin/unshare", ["unshare", "-m", "sh", "-c", hide, "crun", *words])
os.execv("/usr/bin/crun", ["crun", *words])
RUNTIME
chmod 755 "$lab/crun"

printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/store"\nrunroot = "%s/run"\n' "$lab" "$lab" \
    > "$lab/storage.conf"
cat > "$lab/containers.conf" <<CONF
[containers]
cgroups = "disabled"
[network]
network_backend = "netavark"
network_config_dir = "$lab/net"
[engine]
events_logger = "file"
cgroup_manager = "cgroupfs"
runtime = "crun"
tmp_dir = "$lab/tmp"
[engine.runtimes]
crun = ["$lab/crun"]
CONF
cat > "$lab/env.sh" <<ENV
export CONTAINERS_STORAGE_CONF="$lab/storage.conf" CONTAINERS_CONF="$lab/containers.conf"
export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker
ENV
. "$lab/env.sh"

stand_in() { # suite, image, packages, command inside
    if podman image exists "$2"; then return; fi
    echo "making a stand-in for $2"
    mmdebstrap --quiet --variant=minbase --include="ca-certificates${3:+,$3}" \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook='for each in /usr/local/share/ca-certificates/*.crt; do
            [ ! -e "$each" ] || cp "$each" "$1/usr/local/share/ca-certificates/"; done' \
        --customize-hook='chroot "$1" update-ca-certificates > /dev/null 2>&1' \
        --customize-hook='printf "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n" > "$1/etc/pip.conf"' \
        --customize-hook="chroot \"\$1\" sh -c '$4'" "$1" - |
        podman import -q --change 'CMD ["bash"]' \
            --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$2" > /dev/null
}
stand_in trixie docker.io/library/debian:trixie-slim '' true
stand_in trixie docker.io/library/python:3.13-slim-trixie python3,python3-venv 'python3 -m venv /usr/local'
stand_in sid docker.io/library/debian:sid-slim '' true

if [ ! -x "$lab/compose/bin/podman-compose" ]; then
    python3 -m venv "$lab/compose"
    "$lab/compose/bin/pip" install -q podman-compose==1.6.0
fi
