#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A folder with a Debian of its own that holds a real Blender, an X server without a screen, and software OpenGL and Vulkan:
#
#   .ci/blender_root.sh trixie     Blender 4.3
#   .ci/blender_root.sh sid        Blender 5.2
#
# In ~/.cache/pose-to-anime/blender/SUITE, or below POSE_TO_ANIME_BLENDER_ROOTS. Needs root, and debootstrap where the folder is not
# there yet. Run again, it completes what is missing, and mounts what a restart has unmounted.
set -euo pipefail

suite=${1:?usage: blender_root.sh trixie|sid}
root=${POSE_TO_ANIME_BLENDER_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/pose-to-anime/blender}/$suite
packages=(blender python3-numpy python3-requests python3-cattr xvfb xauth xdotool imagemagick
  libgl1-mesa-dri libegl1 mesa-vulkan-drivers)

[ "$(id -u)" = 0 ] || { echo "blender_root.sh: making a Debian folder needs root" >&2; exit 2; }

mounted() { mountpoint -q "$1"; }

unmount_all() {
  for place in "$root.new/dev" "$root.new/proc" "$root/dev" "$root/proc"; do
    if mounted "$place"; then umount "$place"; fi
  done
}

mount_all() {
  for place in proc dev; do
    mounted "$1/$place" || mount --bind "/$place" "$1/$place"
  done
}

# What only this machine knows: its mirror, how it reaches it, whom it trusts. The mirror of debootstrap's own choice elsewhere.
mirror() {
  sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1
}

if [ ! -x "$root/usr/bin/dpkg" ]; then
  echo "$suite: unpacking a base system into $root"
  unmount_all
  rm -rf --one-file-system "$root" "$root.new"
  mkdir -p "$root.new"
  found=$(mirror)
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$root.new" ${found:+"$found"} >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; exit 1; }
  mv "$root.new" "$root"  # a folder of the final name is whole
fi

# No daemon may start in there, and the network is the machine's.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt" 2>/dev/null || true
for file in /etc/apt/apt.conf.d/*; do
  if grep -qiE 'proxy|https?::|acquire' "$file"; then cp "$file" "$root/etc/apt/apt.conf.d/"; fi
done
mount_all "$root"

missing=()
for package in "${packages[@]}"; do
  state=$(chroot "$root" dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  [ "${state:0:2}" = ii ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "$suite: installing ${missing[*]}"
  inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" >>"$root.log" 2>&1; }
  {
    inside dpkg --configure -a &&
      inside apt-get -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 update &&
      inside apt-get -y --fix-broken install &&
      inside apt-get -y -o Acquire::Retries=3 --no-install-recommends install "${missing[@]}" &&
      inside apt-get clean
  } || { tail -n 20 "$root.log" >&2; exit 1; }
fi
echo "$suite: $(chroot "$root" blender --version | head -n 1) in $root"
