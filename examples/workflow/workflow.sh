#!/usr/bin/env bash
# Brings a site from an archive on a disk to files for clusters, one command for each step.
#
#   workflow.sh STACK [STEP...]     without steps: all of them, in this order
#
# It runs in the folder of the program or of a site repository, with the stack's backend and passphrase in the environment.
# It ends at the first step that fails, names it, and has its exit code: docs/how-to/run-from-a-scheduler.md.
set -uo pipefail

steps=(config archive registry up verify render)

# With the kit: PASSTHROUGH="./run passthrough". In a container: PASSTHROUGH="node dist/cli/main.js".
read -ra passthrough <<< "${PASSTHROUGH:-npm run -s passthrough --}"

run_step() {
    case $1 in
        # Configuration, CAs and lock files are valid; prints what would change. No network.
        config) "${passthrough[@]}" plan --offline --stack "$stack" ;;
        # The archives of all sets are here, and are the locked ones.
        archive) "${passthrough[@]}" lock --check --stack "$stack" ;;
        # Certificate, account and uploads, through whatever is in front of the registry.
        registry) "${passthrough[@]}" doctor --stack "$stack" ;;
        # Projects and accounts, images, proof; with cluster.apply also CA, pull secret and rules of clusters.
        up) "${passthrough[@]}" up --stack "$stack" ;;
        # Every image can be pulled through the mirror rules; needs no state.
        verify) "${passthrough[@]}" verify --stack "$stack" ;;
        # Files for clusters, installers and the appliance.
        render) "${passthrough[@]}" render --stack "$stack" ;;
    esac
}

meaning() {
    case $1 in
        2) echo "wrong usage" ;;
        4) echo "nodes will refuse a release" ;;
        7) echo "the registry differs from the configuration" ;;
        65) echo "an archive or lock file is missing, damaged or another one" ;;
        75) echo "no response, or busy: try again later" ;;
        78) echo "the configuration, a certificate or an account is wrong" ;;
        130 | 143) echo "interrupted" ;;
        *) echo "see above" ;;
    esac
}

usage() {
    echo "usage: $0 STACK [STEP...]; steps: ${steps[*]}" >&2
    exit 2
}

[[ ${1-} =~ ^[A-Za-z0-9_] ]] || usage
stack=$1
shift
wanted=("${steps[@]}")
[ $# -eq 0 ] || wanted=("$@")
for step in "${wanted[@]}"; do
    [[ " ${steps[*]} " == *" $step "* ]] || usage
done

for step in "${wanted[@]}"; do
    echo "== $stack: $step"
    code=0
    run_step "$step" || code=$?
    if [ "$code" -ne 0 ]; then
        echo "== $stack: $step failed with exit code $code: $(meaning "$code")" >&2
        exit "$code"
    fi
done
echo "== $stack: done"
