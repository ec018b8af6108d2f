import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import {
    type Installation,
    type InstallationSecrets,
    applyInstallation,
    compareInstallation,
    removeInstallation,
} from "../../lib/installers";
import { onHost } from "../../lib/ssh";
import { InstallerHost, packInstaller } from "../support/installers/installer-host";
import type { SshServer } from "../support/ssh-server";

const V7 = packInstaller("mirror-registry", "2.0.7");
const V11 = packInstaller("mirror-registry", "2.0.11");

let host: InstallerHost;
let server: SshServer;
let secrets: InstallationSecrets | undefined;

beforeEach(async () => {
    ({ host, server } = await InstallerHost.start());
    secrets = undefined;
});
afterEach(async () => {
    await server.stop();
    host.remove();
});

function installation(changes: Partial<Installation> = {}): Installation {
    return {
        kind: "mirror-registry",
        owner: "mirror/site-a",
        directory: host.directory,
        host: "registry.site-a.test",
        port: 8443,
        httpPort: 80,
        installer: { ...V7, isOnHost: false },
        chain: "first certificate\n",
        key: "first key\n",
        ...changes,
    };
}

/** As the resource does; secrets of a run that fails after they were made are kept, too. */
async function apply(wanted = installation()): Promise<void> {
    await onHost(server.connection, (session) =>
        applyInstallation(session, wanted, {
            now: Date.now(),
            secrets,
            settle: () => Promise.resolve(),
            onSecrets: (used) => {
                secrets = used;
            },
        }),
    );
}

const texts = async (wanted = installation()) =>
    (await onHost(server.connection, (session) => compareInstallation(session, wanted))).map(({ text }) => text);
const remove = (removesContent: boolean) =>
    onHost(server.connection, (session) =>
        removeInstallation(session, installation(), { removesContent, secrets: secrets as InstallationSecrets }),
    );
const runs = () => host.calls(/^mirror-registry (install|upgrade|uninstall)/);

test("while an installer that an earlier run started works, nothing is started or removed", async () => {
    await apply();
    host.calls();
    const holder = spawn("flock", [host.path(".lock"), "sh", "-c", "echo held; exec cat"]);
    await once(holder.stdout, "data");
    const refused = { code: "HOST_NOT_READY", problem: "an installer that an earlier run started still works" };
    await expect(apply(installation({ installer: { ...V11, isOnHost: false } }))).rejects.toMatchObject(refused);
    await expect(remove(true)).rejects.toMatchObject(refused);
    expect(runs()).toEqual([]);
    expect(host.has("quay")).toBe(true);
    holder.stdin.end();
    await once(holder, "close");
    await apply(installation({ installer: { ...V11, isOnHost: false } }));
    expect(runs()).toHaveLength(1);
});

test("a removal with the content that was ended half way is finished by the next one", async () => {
    await apply();
    // rm takes what it meets first, and then the host is gone.
    host.program("rm", 'case "$*" in *--one-file-system*) /bin/rm -rf -- "$4"; exit 1;; esac; exec /bin/rm "$@"');
    await expect(remove(true)).rejects.toMatchObject({ code: "HOST_COMMAND_FAILED" });
    expect(host.has("installation.json")).toBe(true);
    rmSync(host.path("installers"), { recursive: true, force: true });
    host.program("rm", 'exec /bin/rm "$@"');
    await remove(true);
    expect(existsSync(host.directory)).toBe(false);
});

test("a disk that is mounted stays, empty, when the content is removed", async () => {
    await apply();
    mkdirSync(host.path("lost+found"));
    host.program("rmdir", 'echo "rmdir: failed to remove: Device or resource busy" >&2; exit 1');
    await remove(true);
    expect(readdirSync(host.directory)).toEqual(["lost+found"]);
    await remove(true);
    await apply();
    expect(await texts()).toEqual([]);
});

test("a folder whose disk is not mounted is not gone while its units are on the host", async () => {
    await apply();
    renameSync(host.directory, `${host.directory}-unmounted`);
    await expect(remove(false)).rejects.toMatchObject({
        code: "HOST_NOT_READY",
        problem: expect.stringMatching(
            /^the host has .*quay-app\.service, and nothing is installed in .*mounted\?$/,
        ) as string,
    });
    host.set("no-systemd");
    await expect(remove(false)).rejects.toMatchObject({ code: "HOST_COMMAND_FAILED" });
    host.set("no-systemd", false);
    renameSync(`${host.directory}-unmounted`, host.directory);
    await remove(true);
    expect(host.has()).toBe(false);
});
