# Sourced by the host side scripts: where things live, and how to talk.
# shellcheck shell=bash
set -Eeuo pipefail
trap 'echo "lab: failed: ${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND" >&2' ERR

lab_source="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# `sudo test/lab/setup` should serve the user who typed it, not root.
lab_owner="${SUDO_USER:-}"
if [[ -z ${LVSFORM_LAB_DIR:-} && -n $lab_owner && $EUID -eq 0 ]]; then
  lab_cache="$(getent passwd "$lab_owner" | cut -d: -f6)/.cache/lvsform-lab"
else
  lab_cache="${LVSFORM_LAB_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lvsform-lab}"
fi

# How many directors a lab can have at most: the image carries a host key for each.
lab_max_directors=32

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Installed on the host and, unless marked host-only, copied into the guest.
lab_guest_packages=(
  base-files bash bsdutils coreutils dash findutils grep hostname iproute2 iptables ipvsadm kmod
  libpam-modules libpam-runtime mawk netbase openssh-client openssh-server openssh-sftp-server perl-base procps sed socat sudo sysvinit-utils
  util-linux
)
lab_host_packages=(qemu-system-x86 busybox-static cpio openssh-client libc-bin dpkg)
