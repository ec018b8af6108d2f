import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installedSite } from "../support/installers/installed-site";
import { packInstaller } from "../support/installers/installer-host";

const V7 = packInstaller("mirror-registry", "2.0.7");
const V11 = packInstaller("mirror-registry", "2.0.11");

const site = installedSite({ kind: "mirror-registry", httpPort: 80, installer: { ...V7, isOnHost: false } });
const { installation, apply, texts, remove } = site;
const runs = () => site.host.calls(/^mirror-registry (install|upgrade|uninstall)/);

test("is installed with our certificate, a password that is used once, and everything in one folder", async () => {
    await apply();
    const [call = "", ...more] = runs();
    expect(more).toEqual([]);
    const initial = / --initPassword (\S+)$/.exec(call)?.[1] ?? "";
    expect(call.replace(initial, "ONCE")).toBe(
        "mirror-registry install --no-color --targetHostname localhost --targetUsername root " +
            `--quayHostname registry.site-a.test:8443 --quayRoot ${site.host.path("quay")} --quayStorage ${site.host.path("storage")} ` +
            `--sqliteStorage ${site.host.path("sqlite")} --sslCert ${site.host.path("tls/registry.crt")} ` +
            `--sslKey ${site.host.path("tls/registry.key")} --initUser admin --initPassword ONCE`,
    );
    expect(initial).toMatch(/^i[0-9a-f]{48}$/);
    expect(site.secrets?.password).not.toBe(initial);
    // Neither that password nor ours is in a command that came over SSH, and the first one is not kept.
    expect(site.secrets).toEqual({ password: expect.stringMatching(/^[\w-]{32}Pw1$/) as string });
    expect(site.server.commands.join("\n")).not.toContain(initial);
    expect(site.server.commands.join("\n")).not.toContain(site.secrets?.password);
    expect(JSON.parse(site.host.read("secrets.json"))).toEqual(site.secrets);
    for (const file of ["secrets.json", "installation.json", "tls/registry.key"])
        expect(statSync(site.host.path(file)).mode & 0o777).toBe(0o600);
    expect(statSync(site.host.directory).mode & 0o777).toBe(0o700);
    expect(site.host.read("quay/quay-config/ssl.cert")).toBe("first certificate\n");
    expect(await texts()).toEqual([]);
});

const CONFIG = "quay/quay-config/config.yaml";

test("it is closed to those without an account, and nothing else of its configuration is another one", async () => {
    await apply();
    const lines = site.host.read(CONFIG).trim().split("\n");
    expect(lines.sort()).toEqual([
        "FEATURE_ANONYMOUS_ACCESS: false",
        "FEATURE_USER_CREATION: false",
        "FEATURE_USER_INITIALIZE: true",
        expect.stringMatching(/^SECRET_KEY: secret-/) as string,
        "SERVER_HOSTNAME: registry.site-a.test:8443",
    ]);
    expect(statSync(site.host.path(CONFIG)).mode & 0o777).toBe(0o750);
    // The installer has started it with the former one.
    expect(site.host.calls(/restart/)).toEqual(["systemctl restart quay-app.service"]);
});

test("one that an earlier release has left open is said, and closed with one start", async () => {
    await apply();
    const open = site.host
        .read(CONFIG)
        .replaceAll(/^(FEATURE_(?:USER_CREATION|ANONYMOUS_ACCESS)): false$/gm, "$1: true");
    for (const file of [CONFIG, "config.yaml"]) writeFileSync(site.host.path(file), open);
    const record = JSON.parse(site.host.read("installation.json")) as { installed: { sums: Record<string, string> } };
    record.installed.sums[site.host.path(CONFIG)] = createHash("sha256").update(open).digest("hex");
    writeFileSync(site.host.path("installation.json"), JSON.stringify(record));
    site.host.calls();
    expect(await texts()).toEqual([`${site.host.path(CONFIG)} lets those without an account read, or register one`]);
    await apply();
    expect(site.host.calls(/restart|install|upgrade/)).toEqual(["systemctl restart quay-app.service"]);
    expect(await texts()).toEqual([]);
    const closed = site.host.read(CONFIG).split("\n").sort();
    expect(closed).toEqual(
        open
            .replaceAll(/^(FEATURE_(?:USER_CREATION|ANONYMOUS_ACCESS)): true$/gm, "$1: false")
            .split("\n")
            .sort(),
    );
});

test("a run without a change starts nothing", async () => {
    await apply();
    site.host.calls();
    await apply();
    expect(site.host.calls(/install|upgrade|restart|start |enable/)).toEqual([]);
});

test("what is different is said, and mended without the installer where that is enough", async () => {
    await apply();
    site.host.calls();
    rmSync(join(site.host.state, "active", "quay-redis.service"));
    writeFileSync(join(site.host.state, "active", "quay-app.service"), "activating auto-restart\n");
    rmSync(join(site.host.state, "enabled", "quay-pod.service"));
    writeFileSync(site.host.path("quay/quay-config/config.yaml"), "FEATURE_ANONYMOUS_ACCESS: true\n");
    writeFileSync(site.host.path("quay/quay-config/ssl.cert"), "another certificate\n");
    expect(await texts()).toEqual([
        `${site.host.path("quay/quay-config/config.yaml")} was changed`,
        "quay-pod.service is disabled",
        "quay-redis.service is inactive (dead)",
        "quay-app.service is activating (auto-restart)",
        `${site.host.path("quay/quay-config/ssl.cert")} is another certificate`,
        `${site.host.path("quay/quay-config/config.yaml")} lets those without an account read, or register one`,
    ]);
    await apply();
    expect(runs()).toEqual([]);
    expect(await texts()).toEqual([]);
    expect(site.host.read("quay/quay-config/config.yaml")).toContain("SERVER_HOSTNAME: registry.site-a.test:8443");

    rmSync(join(site.host.state, "units", "quay-redis.service"));
    expect(await texts()).toEqual(["quay-redis.service was removed", "quay-redis.service is not-found"]);
    await apply();
    expect(runs()[0]).toMatch(/^mirror-registry upgrade .*--sqliteStorage \S+$/);
    expect(await texts()).toEqual([]);
});

test("another certificate is shown without an installation", async () => {
    await apply();
    site.host.calls();
    await apply(installation({ chain: "second certificate\n", key: "second key\n" }));
    expect(runs()).toEqual([]);
    expect(site.host.read("quay/quay-config/ssl.key")).toBe("second key\n");
    expect(site.host.read("quay/quay-config/ssl.cert")).toBe("second certificate\n");
});

test("a certificate that never came to the host is a difference, and so is another archive of the same version", async () => {
    await apply();
    const renewed = installation({ chain: "second certificate\n", key: "second key\n" });
    expect(await texts(renewed)).toEqual([`${site.host.path("tls/registry.crt")} is another certificate`]);
    const again = packInstaller("mirror-registry", "2.0.7", ["sqlite3.tar"]);
    const repacked = installation({ installer: { ...again, isOnHost: false } });
    expect(await texts(repacked)).toEqual([`2.0.7 is installed from another archive (SHA-256 ${V7.sha256})`]);
    await apply(repacked);
    expect(await texts(repacked)).toEqual([]);
});

test("a newer version is an upgrade, and an older one is refused before anything is written", async () => {
    await apply();
    const config = site.host.read("quay/quay-config/config.yaml");
    site.host.calls();
    await apply(installation({ installer: { ...V11, isOnHost: false } }));
    expect(runs()).toHaveLength(1);
    expect(site.host.read("quay/quay-config/config.yaml")).toBe(config);
    expect(JSON.parse(site.host.read("installation.json"))).toMatchObject({ installed: { version: "2.0.11" } });
    const before = site.server.commands.length;
    await expect(apply()).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        problem: "2.0.11 is there, and its database may not be taken back to 2.0.7",
    });
    expect(site.server.commands.slice(before).join("\n")).not.toMatch(/cat >|mkdir/);
});

test.each([
    ["disk-full", "the disk of the host got full", /No space left on device/],
    ["root-login-refused", "over an SSH connection of root to localhost, which was not made", /Permission denied/],
])("an installer that ends with 1 (%s) says why, and the next run installs anew", async (condition, why, said) => {
    site.host.set(condition);
    const error = await apply().then(
        () => undefined,
        (reason: unknown) => reason as { code: string; message: string },
    );
    expect(error?.code).toBe("INSTALLER_FAILED");
    expect(error?.message).toContain(why);
    expect(error?.message).toMatch(said);
    expect(error?.message).not.toContain("WARNING");
    expect(error?.message).not.toContain("a later one failed");
    expect(await texts()).toEqual(["its installation was not completed"]);
    site.host.set(condition, false);
    await apply();
    expect(await texts()).toEqual([]);
});

test("an installer that was killed half way leaves nothing that the next one trips over", async () => {
    site.host.set("die");
    await expect(apply()).rejects.toMatchObject({ code: "INSTALLER_FAILED" });
    const password = site.secrets?.password;
    expect(existsSync(join(site.host.state, "redis_pass"))).toBe(true);
    // The state of the stack is lost, too: the secrets are on the host.
    site.secrets = undefined;
    await apply();
    expect(site.secrets).toEqual({ password });
    expect(await texts()).toEqual([]);
});

test("a registry that does not answer after its installation is not complete", async () => {
    await expect(apply(installation(), () => Promise.reject(new Error("no answer")))).rejects.toThrow("no answer");
    expect(site.secrets?.initial).toBeDefined();
    expect(await texts()).toEqual(["its installation was not completed"]);
    await apply();
    expect(await texts()).toEqual([]);
});

test("without its content it is only stopped, and the same stack takes it into use again", async () => {
    await apply();
    site.host.calls();
    await remove(false);
    expect(site.host.calls(/disable/)).toEqual(
        ["quay-app", "quay-redis", "quay-pod"].map((unit) => `systemctl disable --quiet --now ${unit}.service`),
    );
    expect(site.host.has("storage")).toBe(true);
    const password = site.secrets?.password;
    site.secrets = undefined;
    await apply();
    expect(runs()).toEqual([]);
    expect(site.secrets).toEqual({ password });
    expect(await texts()).toEqual([]);

    await remove(true);
    expect(runs()[0]).toMatch(/^mirror-registry uninstall .*--verbose --autoApprove$/);
    expect(existsSync(site.host.directory)).toBe(false);
    // Once more, since the response may have been lost.
    await remove(true);
});

test("one that somebody else has installed is left alone", async () => {
    await apply();
    await expect(apply(installation({ owner: "mirror/site-b" }))).rejects.toMatchObject({
        code: "HOST_IN_USE",
        problem: `${site.host.directory} has mirror-registry of mirror/site-a`,
    });
    site.secrets = undefined;
    await expect(apply(installation({ directory: `${site.host.directory}-2` }))).rejects.toMatchObject({
        code: "HOST_NOT_READY",
        problem: expect.stringContaining("it has quay-app.service, which this stack has not installed") as string,
    });
});

test("a folder with something in it is refused, and stays as it is", async () => {
    mkdirSync(site.host.path("quay"), { recursive: true, mode: 0o755 });
    writeFileSync(site.host.path("quay/notes.txt"), "mine");
    writeFileSync(site.host.path(".bashrc"), "");
    const refused = {
        code: "HOST_NOT_READY",
        problem: expect.stringMatching(
            new RegExp(
                `^${site.host.directory} is not empty \\(${site.host.directory}/\\S+, ${site.host.directory}/\\S+\\): name a folder`,
            ),
        ) as string,
    };
    await expect(apply()).rejects.toMatchObject(refused);
    expect(site.host.read("quay/notes.txt")).toBe("mine");
    expect(readdirSync(site.host.directory).sort()).toEqual([".bashrc", "quay"]);
    for (const name of ["quay", ".bashrc"]) rmSync(site.host.path(name), { recursive: true });
    mkdirSync(site.host.path("tls"));
    writeFileSync(site.host.path("tls/registry.key"), "mine");
    await expect(apply()).rejects.toMatchObject({ code: "HOST_NOT_READY" });
    expect(site.host.read("tls/registry.key")).toBe("mine");
    rmSync(site.host.path("tls/registry.key"));
    // Somebody else's passwords are neither used nor written over.
    const theirs = JSON.stringify({ password: "theirs" });
    writeFileSync(site.host.path("secrets.json"), theirs);
    await expect(apply()).rejects.toMatchObject({ code: "HOST_NOT_READY" });
    expect(site.host.read("secrets.json")).toBe(theirs);
    rmSync(site.host.path("secrets.json"));
    // What a mounted disk has, and what a run leaves that was ended at its beginning.
    mkdirSync(site.host.path("lost+found"));
    for (const name of [".lock", ".installation.json.registry-passthrough"]) writeFileSync(site.host.path(name), "");
    await apply();
    expect(await texts()).toEqual([]);
});

test("its installer has the lock as long as it works", async () => {
    const lock = site.host.path(".lock");
    site.host.program(
        "node",
        `if [ "$2" = install ]; then flock -n ${lock} true && echo lock free || echo lock held; fi >> "$HOST_STATE/log"; exec ${process.execPath} "$@"`,
    );
    await apply();
    expect(site.host.calls(/^lock/)).toEqual(["lock held"]);
});

test("everything that a host lacks is said at once, before anything is written", async () => {
    site.host.showFacts({
        memory: 2 * 1024 ** 3,
        disk: 1024,
        listeners: ['LISTEN 0 511 0.0.0.0:8443 0.0.0.0:* users:(("nginx",pid=812,fd=6))'],
    });
    for (const name of ["setfacl", "hostname"]) site.host.removeProgram(name);
    mkdirSync(site.host.path(), { recursive: true });
    writeFileSync(site.host.path("notes.txt"), "");
    site.host.program("getenforce", "echo Enforcing");
    site.host.program("python3", "exit 1");
    site.host.program("sshd", "printf 'port 2222\\npermitrootlogin no\\n'");
    site.host.program("date", "echo 1000000000");
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
        `free space below ${site.host.directory}: 1.05 MB`,
        "unresolved.site-a.test: the host does not resolve it",
        "s behind that of this machine",
        "port 8443: nginx (process 812) listens there",
        `${site.host.directory} is not empty (${site.host.path("notes.txt")})`,
    ])
        expect(error?.problem).toContain(finding);
    expect(readdirSync(site.host.directory)).toEqual(["notes.txt"]);
});

test("name and port that were corrected after a first run that failed are looked at, too; what is its own is not", async () => {
    const { installer } = installation();
    const begun = apply(installation({ installer: { ...installer, sha256: "0".repeat(64) } }));
    await expect(begun).rejects.toMatchObject({ code: "INSTALLER_INVALID" });
    const listener = (program: string) => [`LISTEN 0 511 0.0.0.0:8444 0.0.0.0:* users:(("${program}",pid=812,fd=6))`];
    site.host.showFacts({ listeners: listener("httpd") });
    const corrected = installation({ host: "unresolved.site-a.test", port: 8444 });
    await expect(apply(corrected)).rejects.toMatchObject({
        code: "HOST_NOT_READY",
        problem: "unresolved.site-a.test: the host does not resolve it; port 8444: httpd (process 812) listens there",
    });
    site.host.showFacts({ listeners: listener("conmon") });
    await apply(installation({ port: 8444 }));
});

test("systemd that cannot be asked is no difference but an error", async () => {
    await apply();
    site.host.set("no-systemd");
    await expect(texts()).rejects.toMatchObject({
        code: "HOST_COMMAND_FAILED",
        problem: expect.stringContaining("System has not been booted with systemd") as string,
    });
});
