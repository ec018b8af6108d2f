#!/bin/sh
# Installs this kit: checks every byte first, unpacks beside what is installed already, and switches at once.
set -eu

id='@ID@'
platform='@PLATFORM@'

usage() {
    cat <<END
usage: install.sh [--prefix FOLDER]
Installs Registry Passthrough $id into FOLDER (default: ~/registry-passthrough). Needs no root and no network.
END
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

prefix=${HOME:-}/registry-passthrough
while [ $# -gt 0 ]; do
    case $1 in
        --prefix)
            [ $# -ge 2 ] && [ -n "$2" ] || fail "--prefix needs a folder"
            prefix=$2
            shift 2
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
done
case $prefix in
    /registry-passthrough) [ -n "${HOME:-}" ] || fail "HOME is not set: name a folder with --prefix" ;;
    /*) ;;
    *) prefix=$PWD/$prefix ;;
esac

for tool in tar gzip sha256sum comm sort find readlink; do
    command -v "$tool" >/dev/null 2>&1 || fail "$tool is not on PATH; nothing was written"
done
case $(uname -s)-$(uname -m) in
    Linux-x86_64) machine=linux-x64 ;;
    Linux-aarch64) machine=linux-arm64 ;;
    *) machine=$(uname -s)-$(uname -m) ;;
esac
[ "$machine" = "$platform" ] || fail "this kit is for $platform, this machine is $machine; nothing was written"

kit=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
(cd "$kit" && sha256sum -c --quiet --strict SHA256SUMS >&2) ||
    fail "the kit is damaged or was changed: copy it again; nothing was written"

mkdir -p "$prefix/versions" || fail "$prefix cannot be written"
prefix=$(CDPATH='' cd -- "$prefix" && pwd -P)
versions=$prefix/versions
target=$versions/$id
partial=$versions/.partial-$id
lock=$prefix/.installing
mkdir "$lock" 2>/dev/null ||
    fail "another installation runs in $prefix; if it was killed, remove $lock and run again"
cleanup() {
    rm -rf "$partial" "$prefix/.current-new" "$lock"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Names of the files that an installation came with, sorted.
shipped() {
    cut -c67- "$1/SHA256SUMS" | LC_ALL=C sort
}

# Files that people added to an installation, without state and output.
added() {
    shipped "$1" >"$lock/shipped"
    (cd "$1" && find . \( -path ./.local -o -path ./out -o -path ./SHA256SUMS \) -prune -o \( -type f -o -type l \) -print) |
        cut -c3- | LC_ALL=C sort | LC_ALL=C comm -13 "$lock/shipped" -
}

# Files of an installation that people changed.
changed() {
    (cd "$1" && LC_ALL=C sha256sum -c --quiet SHA256SUMS 2>/dev/null || true) | sed -n 's/: FAILED.*$//p'
}

# A changed stack or project file is taken over if both versions ship the same one: otherwise people have to merge it.
carry_changed() {
    changed "$1" | while IFS= read -r file; do
        case $file in
            Pulumi.yaml | Pulumi.*.yaml)
                before=$(grep -F "  $file" "$1/SHA256SUMS" || true)
                grep -Fxq -- "$before" "$partial/SHA256SUMS" || fail "$file was changed in $1, and $id has another one: \
undo the change there or move it to a stack file, and run again; nothing was switched"
                cp -p "$1/$file" "$partial/$file"
                ;;
            *) printf 'note: %s was changed in %s; the change is not taken over\n' "$file" "$1" >&2 ;;
        esac
    done
}

# The stack files, locks and archives that people put beside the program go into the new version, too.
carry_added() {
    added "$1" >"$lock/added"
    [ -s "$lock/added" ] || return 0
    shipped "$partial" >"$lock/shipped"
    both=$(LC_ALL=C comm -12 "$lock/added" "$lock/shipped" | head -n 1)
    [ -z "$both" ] || fail "$both was added in $1, and $id comes with a file of that name: rename yours, and run again; \
nothing was switched"
    tar -C "$1" -cf - -T "$lock/added" | tar -C "$partial" -xf -
    printf 'taken over from %s: %s files\n' "$1" "$(wc -l <"$lock/added" | tr -d ' ')"
}

# State, Pulumi's plugins and the quickstart's registry are of no version.
ensure_local() {
    [ -d "$prefix/local" ] || (umask 077 && mkdir "$prefix/local")
}

# Pulumi's plugins of a version: none if the kit was made without them. Pulumi leaves one alone that it has already.
install_plugins() {
    ensure_local
    for archive in "$1"/kit/plugins/pulumi-resource-*.tar.gz; do
        [ -e "$archive" ] || continue
        plugin=${archive##*/pulumi-resource-}
        name=${plugin%%-v*}
        plugin=${plugin#*-v}
        PULUMI_HOME=$prefix/local/pulumi-home PULUMI_SKIP_UPDATE_CHECK=true \
            "$1/kit/tools/pulumi/pulumi" plugin install resource "$name" "${plugin%%-linux-*}" --exact \
            --file "$archive" --non-interactive >&2 </dev/null ||
            fail "Pulumi's plugin $name could not be installed in $prefix/local/pulumi-home; nothing was switched"
    done
}

if [ -e "$target" ]; then
    [ -z "$(changed "$target" | grep -v '^Pulumi\.' || true)" ] ||
        fail "$target is damaged or was changed: move it away and run again; nothing was switched"
    [ "$(readlink "$prefix/current" || true)" = "versions/$id" ] ||
        printf 'note: %s is there already, with the stack files that it had when it was left\n' "$target" >&2
    install_plugins "$target"
else
    rm -rf "$partial"
    mkdir "$partial"
    tar -C "$partial" -xzf "$kit/payload.tar.gz" || fail "the kit could not be unpacked below $versions (disk full?)"
    (cd "$partial" && sha256sum -c --quiet --strict SHA256SUMS >&2) || fail "what was unpacked is damaged (disk full?)"
    "$partial/kit/tools/node-24/node" --version >/dev/null ||
        fail "the Node.js of the kit does not run on this machine (it needs glibc 2.28 or newer); nothing was installed"
    if [ -d "$prefix/current" ]; then
        current=$(CDPATH='' cd -- "$prefix/current" && pwd -P)
        carry_changed "$current"
        carry_added "$current"
    fi
    install_plugins "$partial"
    ln -s ../../local "$partial/.local"
    mv "$partial" "$target"
fi
ln -s "versions/$id" "$prefix/.current-new"
mv -T "$prefix/.current-new" "$prefix/current"

quoted=$(printf '%s' "$prefix/current/run" | sed "s/'/'\\\\''/g")
cat <<END
Registry Passthrough $id is installed in $prefix
Try it:  '$quoted' quickstart
Help:    '$quoted' --help
END
[ -d "$target/kit/plugins" ] ||
    printf 'Without a Kubernetes plugin: a stack with cluster.apply needs it (docs/how-to/cluster.md)\n'
