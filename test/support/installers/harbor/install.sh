#!/bin/bash
# Behaves as the installer of Harbor (goharbor/harbor, make/install.sh and make/common.sh): checks Docker, loads its images,
# calls `prepare`, and starts everything with Compose.
set -e
cd "$(dirname "$0")"
if [ $# -gt 0 ]; then echo "Note: Please set hostname and other necessary attributes in harbor.yml first."; exit 1; fi
echo "[Step 0]: checking if docker is installed ..."
if ! docker --version &> /dev/null; then echo "✖ Need to install docker(20.10.10+) first and run this script again."; exit 1; fi
[[ $(docker --version) =~ (([0-9]+)\.([0-9]+)) ]]
if [ "${BASH_REMATCH[2]}" -lt 17 ]; then echo "✖ Need to upgrade docker package to 20.10.10+."; exit 1; fi
echo "[Step 1]: checking docker-compose is installed ..."
docker compose version > /dev/null
if [ -f harbor*.tar.gz ]; then
    echo "[Step 2]: loading Harbor images ..."
    docker load -i ./harbor*.tar.gz
fi
echo "[Step 4]: preparing harbor configs ..."
./prepare
echo "Note: stopping existing Harbor instance ..."
docker compose down -v
echo "[Step 5]: starting Harbor ..."
docker compose up -d
echo "✔ ----Harbor has been installed and started successfully.----"
