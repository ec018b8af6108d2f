#!/bin/sh
# Runs a script of this installation with the Node.js and the tools that came with it: what `npm run` does in a checkout.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
PATH="$here/kit/tools/node-24:$here/kit/tools/pulumi:$here/kit/tools/registry:$PATH"
export PATH

usage() {
    cat <<'END'
usage: run COMMAND [ARGUMENT…]
    run quickstart [--down]              npm run quickstart [-- --down]
    run up --stack site-a                npm run up -- --stack site-a
    run preview --stack site-a           npm run preview -- --stack site-a
    run pulumi stack ls                  npm run -s pulumi -- stack ls
    run passthrough plan --stack site-a  npm run -s passthrough -- plan --stack site-a
END
}

command=${1-}
[ $# -eq 0 ] || shift
cd "$here"
case $command in
    quickstart) exec node tools/quickstart.mjs "$@" ;;
    up) exec node tools/pulumi.mjs up --refresh --run-program --suppress-outputs "$@" ;;
    preview) exec node tools/pulumi.mjs preview --suppress-outputs "$@" ;;
    pulumi) exec node tools/pulumi.mjs "$@" ;;
    passthrough) exec node tools/passthrough.mjs "$@" ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
