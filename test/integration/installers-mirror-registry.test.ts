import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
async function apply(wanted = installation(), settle = () => Promise.resolve()): Promise<void> {
    await onHost(server.connection, (session) =>
        applyInstallation(session, wanted, {
            now: Date.now(),
            secrets,
            settle,
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

test("is installed with our certificate, a password that is used once, and everything in one folder", async () => {
    await apply();
    const [call = "", ...more] = runs();
    expect(more).toEqual([]);
    const initial = / --initPassword (\S+)$/.exec(call)?.[1] ?? "";
    expect(call.replace(initial, "ONCE")).toBe(
        "mirror-registry install --no-color --targetHostname localhost --targetUsername root " +
            `--quayHostname registry.site-a.test:8443 --quayRoot ${host.path("quay")} --quayStorage ${host.path("storage")} ` +
            `--sqliteStorage ${host.path("sqlite")} --sslCert ${host.path("tls/registry.crt")} ` +
            `--sslKey ${host.path("tls/registry.key")} --initUser admin --initPassword ONCE`,
    );
    expect(initial).toMatch(/^i[0-9a-f]{48}$/);
    expect(secrets?.password).not.toBe(initial);
    // Neither that password nor ours is in a command that came over SSH, and the first one is not kept.
    expect(secrets).toEqual({ password: expect.stringMatching(/^[\w-]{32}Pw1$/) as string });
    expect(server.commands.join("\n")).not.toContain(initial);
    expect(server.commands.join("\n")).not.toContain(secrets?.password);
    expect(JSON.parse(host.read("secrets.json"))).toEqual(secrets);
    for (const file of ["secrets.json", "installation.json", "tls/registry.key"])
        expect(statSync(host.path(file)).mode & 0o777).toBe(0o600);
    expect(statSync(host.directory).mode & 0o777).toBe(0o700);
    expect(host.read("quay/quay-config/ssl.cert")).toBe("first certificate\n");
    expect(await texts()).toEqual([]);
});

test("a run without a change starts nothing", async () => {
    await apply();
    host.calls();
    await apply();
    expect(host.calls(/install|upgrade|restart|start |enable/)).toEqual([]);
});

test("what is different is said, and mended without the installer where that is enough", async () => {
    await apply();
    host.calls();
    rmSync(join(host.state, "active", "quay-redis.service"));
    writeFileSync(join(host.state, "active", "quay-app.service"), "activating auto-restart\n");
    rmSync(join(host.state, "enabled", "quay-pod.service"));
    writeFileSync(host.path("quay/quay-config/config.yaml"), "FEATURE_ANONYMOUS_ACCESS: true\n");
    writeFileSync(host.path("quay/quay-config/ssl.cert"), "another certificate\n");
    expect(await texts()).toEqual([
        `${host.path("quay/quay-config/config.yaml")} was changed`,
        "quay-pod.service is disabled",
        "quay-redis.service is inactive (dead)",
        "quay-app.service is activating (auto-restart)",
        `${host.path("quay/quay-config/ssl.cert")} is another certificate`,
    ]);
    await apply();
    expect(runs()).toEqual([]);
    expect(await texts()).toEqual([]);
    expect(host.read("quay/quay-config/config.yaml")).toContain("SERVER_HOSTNAME: registry.site-a.test:8443");

    rmSync(join(host.state, "units", "quay-redis.service"));
    expect(await texts()).toEqual(["quay-redis.service was removed", "quay-redis.service is not-found"]);
    await apply();
    expect(runs()[0]).toMatch(/^mirror-registry upgrade .*--sqliteStorage \S+$/);
    expect(await texts()).toEqual([]);
});

test("another certificate is shown without an installation", async () => {
    await apply();
    host.calls();
    await apply(installation({ chain: "second certificate\n", key: "second key\n" }));
    expect(runs()).toEqual([]);
    expect(host.read("quay/quay-config/ssl.key")).toBe("second key\n");
    expect(host.read("quay/quay-config/ssl.cert")).toBe("second certificate\n");
});

test("a certificate that never came to the host is a difference, and so is another archive of the same version", async () => {
    await apply();
    const renewed = installation({ chain: "second certificate\n", key: "second key\n" });
    expect(await texts(renewed)).toEqual([`${host.path("tls/registry.crt")} is another certificate`]);
    const again = packInstaller("mirror-registry", "2.0.7", ["sqlite3.tar"]);
    const repacked = installation({ installer: { ...again, isOnHost: false } });
    expect(await texts(repacked)).toEqual([`2.0.7 is installed from another archive (SHA-256 ${V7.sha256})`]);
    await apply(repacked);
    expect(await texts(repacked)).toEqual([]);
});

test("a newer version is an upgrade, and an older one is refused before anything is written", async () => {
    await apply();
    const config = host.read("quay/quay-config/config.yaml");
    host.calls();
    await apply(installation({ installer: { ...V11, isOnHost: false } }));
    expect(runs()).toHaveLength(1);
    expect(host.read("quay/quay-config/config.yaml")).toBe(config);
    expect(JSON.parse(host.read("installation.json"))).toMatchObject({ installed: { version: "2.0.11" } });
    const before = server.commands.length;
    await expect(apply()).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        problem: "2.0.11 is there, and its database may not be taken back to 2.0.7",
    });
    expect(server.commands.slice(before).join("\n")).not.toMatch(/cat >|mkdir/);
});

test.each([
    ["disk-full", "the disk of the host got full", /No space left on device/],
    ["root-login-refused", "over an SSH connection of root to localhost, which was not made", /Permission denied/],
])("an installer that ends with 1 (%s) says why, and the next run installs anew", async (condition, why, said) => {
    host.set(condition);
    const error = await apply().then(
        () => undefined,
        (reason: unknown) => reason as { code: string; message: string },
    );
    expect(error?.code).toBe("INSTALLER_FAILED");
    expect(error?.message).toContain(why);
    expect(error?.message).toMatch(said);
    expect(await texts()).toEqual(["its installation was not completed"]);
    host.set(condition, false);
    await apply();
    expect(await texts()).toEqual([]);
});

test("an installer that was killed half way leaves nothing that the next one trips over", async () => {
    host.set("die");
    await expect(apply()).rejects.toMatchObject({ code: "INSTALLER_FAILED" });
    const password = secrets?.password;
    expect(existsSync(join(host.state, "redis_pass"))).toBe(true);
    // The state of the stack is lost, too: the secrets are on the host.
    secrets = undefined;
    await apply();
    expect(secrets).toEqual({ password });
    expect(await texts()).toEqual([]);
});

test("a registry that does not answer after its installation is not complete", async () => {
    await expect(apply(installation(), () => Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
    expect(secrets?.initial).toBeDefined();
    expect(await texts()).toEqual(["its installation was not completed"]);
    await apply();
    expect(await texts()).toEqual([]);
});

test("without its content it is only stopped, and the same stack takes it into use again", async () => {
    await apply();
    host.calls();
    await remove(false);
    expect(host.calls(/disable/)).toEqual(
        ["quay-app", "quay-redis", "quay-pod"].map((unit) => `systemctl disable --quiet --now ${unit}.service`),
    );
    expect(host.has("storage")).toBe(true);
    const password = secrets?.password;
    secrets = undefined;
    await apply();
    expect(runs()).toEqual([]);
    expect(secrets).toEqual({ password });
    expect(await texts()).toEqual([]);

    await remove(true);
    expect(runs()[0]).toMatch(/^mirror-registry uninstall .*--autoApprove$/);
    expect(existsSync(host.directory)).toBe(false);
    // Once more, since the response may have been lost.
    await remove(true);
});

test("one that somebody else has installed is left alone", async () => {
    await apply();
    await expect(apply(installation({ owner: "mirror/site-b" }))).rejects.toMatchObject({
        code: "HOST_IN_USE",
        problem: `${host.directory} has mirror-registry of mirror/site-a`,
    });
    await expect(apply(installation({ directory: `${host.directory}-2` }))).rejects.toMatchObject({
        code: "HOST_NOT_READY",
        problem: expect.stringContaining("it has quay-app.service, which this stack has not installed") as string,
    });
});

test("a folder with something in it is refused, and stays as it is", async () => {
    mkdirSync(host.path("quay"), { recursive: true, mode: 0o755 });
    writeFileSync(host.path("quay/notes.txt"), "mine");
    writeFileSync(host.path(".bashrc"), "");
    const refused = {
        code: "HOST_NOT_READY",
        problem: expect.stringMatching(
            new RegExp(
                `^${host.directory} is not empty \\(${host.directory}/\\S+, ${host.directory}/\\S+\\): name a folder`,
            ),
        ) as string,
    };
    await expect(apply()).rejects.toMatchObject(refused);
    expect(host.read("quay/notes.txt")).toBe("mine");
    expect(readdirSync(host.directory).sort()).toEqual([".bashrc", "quay"]);
    for (const name of ["quay", ".bashrc"]) rmSync(host.path(name), { recursive: true });
    mkdirSync(host.path("tls"));
    writeFileSync(host.path("tls/registry.key"), "mine");
    await expect(apply()).rejects.toMatchObject({ code: "HOST_NOT_READY" });
    expect(host.read("tls/registry.key")).toBe("mine");
    rmSync(host.path("tls/registry.key"));
    // What a mounted disk has, and what a run leaves that was ended at its beginning.
    mkdirSync(host.path("lost+found"));
    for (const name of ["secrets.json", ".lock", ".installation.json.registry-passthrough"])
        writeFileSync(host.path(name), "");
    await apply();
    expect(await texts()).toEqual([]);
});

test("its installer has the lock as long as it works", async () => {
    const lock = host.path(".lock");
    host.program(
        "node",
        `if [ "$2" = install ]; then flock -n ${lock} true && echo lock free || echo lock held; fi >> "$HOST_STATE/log"; exec ${process.execPath} "$@"`,
    );
    await apply();
    expect(host.calls(/^lock/)).toEqual(["lock held"]);
});

test("everything that a host lacks is said at once, before anything is written", async () => {
    host.showFacts({
        memory: 2 * 1024 ** 3,
        disk: 1024,
        listeners: ['LISTEN 0 511 0.0.0.0:8443 0.0.0.0:* users:(("nginx",pid=812,fd=6))'],
    });
    for (const name of ["setfacl", "hostname"]) host.removeProgram(name);
    mkdirSync(host.path(), { recursive: true });
    writeFileSync(host.path("notes.txt"), "");
    host.program("getenforce", "echo Enforcing");
    host.program("python3", "exit 1");
    host.program("sshd", "printf 'port 2222\\npermitrootlogin no\\n'");
    host.program("date", "echo 1000000000");
    const error = await apply(installation({ host: "unresolved.site-a.test" })).then(
        () => undefined,
        (reason: unknown) => reason as { problem: string; code: string },
    );
    expect(error?.code).toBe("HOST_NOT_READY");
    for (const finding of [
        "a full name of the host (hostname -f fails)",
        "package python3-libselinux",
        "logins of root from localhost (PermitRootLogin in sshd_config)",
        "sshd at port 22",
        "memory: 2.15 GB, and 7.52 GB are needed",
        `free space below ${host.directory}: 1.05 MB`,
        "unresolved.site-a.test: the host does not resolve it",
        "s behind that of this machine",
        "port 8443: nginx (process 812) listens there",
        `${host.directory} is not empty (${host.path("notes.txt")})`,
    ])
        expect(error?.problem).toContain(finding);
    expect(readdirSync(host.directory)).toEqual(["notes.txt"]);
});

test("systemd that cannot be asked is no difference but an error", async () => {
    await apply();
    host.set("no-systemd");
    await expect(texts()).rejects.toMatchObject({
        code: "HOST_COMMAND_FAILED",
        problem: expect.stringContaining("System has not been booted with systemd") as string,
    });
});
