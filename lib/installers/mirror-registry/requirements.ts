import type { Requirements } from "../installation";

const GIB = 1024 ** 3;

/** As docs.redhat.com asks for mirror-registry (8 GB of memory; a host shows some less), and as its tasks need. */
export const REQUIREMENTS: Requirements = {
    memory: 7 * GIB,
    disk: 20 * GIB,
    ports: ({ port }) => [port],
    script: [
        `for program in podman openssl ssh-keygen tar sudo; do command -v $program > /dev/null || echo "missing $program"; done`,
        // ansible.posix.acl in install-quay-service.yaml.
        `command -v setfacl > /dev/null || echo "missing setfacl (package acl)"`,
        // What ansible runs on a host.
        `python=$(command -v python3 || command -v /usr/libexec/platform-python || :)`,
        `[ -n "$python" ] || echo "missing python3"`,
        `if [ -n "$python" ] && [ "$(getenforce 2> /dev/null || echo Disabled)" != Disabled ]; then`,
        `    "$python" -c "import selinux" 2> /dev/null || echo "missing the SELinux bindings of Python (package python3-libselinux)"`,
        `fi`,
        `systemctl show --property=Version > /dev/null 2>&1 || echo "missing systemd as the init system"`,
        // cmd/install.go calls it before it reads its flags, and ends if that fails.
        `hostname -f > /dev/null 2>&1 || echo "missing a full name of the host (hostname -f fails)"`,
        `sshd=$(command -v sshd || echo /usr/sbin/sshd)`,
        `if [ -x "$sshd" ]; then`,
        `    config=$("$sshd" -T -C user=root,host=localhost,addr=127.0.0.1 2> /dev/null || :)`,
        `    if echo "$config" | grep -qx "permitrootlogin no"; then echo "missing logins of root from localhost (PermitRootLogin in sshd_config)"; fi`,
        `    if echo "$config" | grep -q "^port " && ! echo "$config" | grep -qx "port 22"; then echo "missing sshd at port 22"; fi`,
        `fi`,
    ].join("\n"),
};
