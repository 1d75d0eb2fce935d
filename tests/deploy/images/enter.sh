#!/bin/sh
# usage: enter.sh ROOT USER FILES PROGRAM [ARG...]
#
# Runs PROGRAM of the image at ROOT as a container runtime does under pod security "restricted": a root that is
# read-only, USER (uid:gid), no way to more privileges, /proc and /dev, and the folder FILES mounted under its
# own path. Called in fresh namespaces for mounts and processes; the network is that of the machine.
set -eu
# Not exported: the program gets the variables of its pod only.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$1
user=$2
files=$3
shift 3
mkdir -p "$root/proc" "$root/dev" "$root$files"
mount --bind "$root" "$root"
mount --bind "$files" "$root$files"
mount -o remount,bind,ro "$root$files"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs -- /usr/sbin/chroot --userspec="$user" --groups="" "$root" "$@"
