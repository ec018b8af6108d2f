import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Installation } from "../../lib/installers";
import { installedSite } from "../support/installers/installed-site";
import { packInstaller } from "../support/installers/installer-host";

const V13 = packInstaller("harbor", "2.13.2");
const V15 = packInstaller("harbor", "2.15.0");
const V16 = packInstaller("harbor", "2.16.0");

const site = installedSite({ kind: "harbor", httpPort: 8080, installer: { ...V13, isOnHost: false } });
const { installation, apply, texts, remove } = site;
const bundle = ({ version, sha256 }: typeof V13) => join("installers", `${version}-${sha256.slice(0, 12)}`, "harbor");

test("is installed from the template of its version, with our certificate and passwords that nobody else has", async () => {
    await apply();
    const config = site.host.read(bundle(V13), "harbor.yml");
    for (const line of [
        "hostname: registry.site-a.test",
        "port: 8080",
        "port: 8443",
        `certificate: ${site.host.path("tls/registry.crt")}`,
        `private_key: ${site.host.path("tls/registry.key")}`,
        `harbor_admin_password: ${site.secrets?.password}`,
        `password: ${site.secrets?.database}`,
        `data_volume: ${site.host.path("data")}`,
        // Of the template, as it was.
        "_version: 2.15.0",
        "max_open_conns: 900",
        "age: 168h",
    ])
        expect(config).toMatch(new RegExp(`^ *${line.replace(/[.$*+?()[\]{}|\\]/g, "\\$&")}$`, "m"));
    expect(statSync(site.host.path(bundle(V13), "harbor.yml")).mode & 0o777).toBe(0o600);
    expect(site.host.read("data/secret/cert/server.crt")).toBe("first certificate\n");
    expect(site.server.commands.join("\n")).not.toContain(site.secrets?.password);
    expect(site.server.commands.join("\n")).not.toContain(site.secrets?.database);
    // What was copied is not kept twice.
    expect(existsSync(site.host.path("installers", `${V13.version}-${V13.sha256.slice(0, 12)}.archive`))).toBe(false);
    expect(await texts()).toEqual([]);
});

test("what is different is said and mended; a run without a change starts nothing", async () => {
    await apply();
    site.host.calls();
    await apply();
    expect(site.host.calls(/docker (compose (up|down)|load|exec|restart)/)).toEqual([]);
    const container = (name: string, status: string) =>
        writeFileSync(join(site.host.state, "containers", name), `goharbor/${name}:v2.13.2\n${status}\n`);
    container("harbor-core", "Restarting (1) 4 seconds ago");
    container("registry", "Up 3 minutes (unhealthy)");
    rmSync(join(site.host.state, "containers", "redis"));
    expect(await texts()).toEqual([
        "the container registry is up 3 minutes (unhealthy)",
        "the container harbor-core is restarting (1) 4 seconds ago",
        "the container redis does not exist",
    ]);
    await apply();
    expect(site.host.calls(/compose (up|down)|load/)).toEqual(["docker compose up -d"]);
    expect(await texts()).toEqual([]);

    writeFileSync(site.host.path(bundle(V13), "harbor.yml"), "hostname: somebody.else\n");
    expect(await texts()).toEqual([`${site.host.path(bundle(V13), "harbor.yml")} was changed`]);
    await apply();
    expect(site.host.read(bundle(V13), "harbor.yml")).toContain("hostname: registry.site-a.test");
    expect(await texts()).toEqual([]);
});

test("what keeps containers from being started again is said, and not only that there were errors", async () => {
    await apply();
    rmSync(join(site.host.state, "containers", "nginx"));
    site.host.set("port-taken");
    await expect(apply()).rejects.toThrow(
        /a port that it needs is taken by another program of the host; .* Bind for 0\.0\.0\.0:443 failed/,
    );
    site.host.set("port-taken", false);
    await apply();
    expect(await texts()).toEqual([]);
});

test("another port to redirect from is written to the configuration", async () => {
    await apply();
    const changed = installation({ httpPort: 8081 });
    expect(await texts(changed)).toEqual(["it redirects from port 8080, not 8081"]);
    await apply(changed);
    expect(site.host.read(bundle(V13), "harbor.yml")).toMatch(/^http:\n {2}port: 8081$/m);
    expect(await texts(changed)).toEqual([]);
});

test("its installer has the lock as long as it works", async () => {
    const lock = site.host.path(".lock");
    // install.sh calls it.
    site.host.program(
        "dirname",
        `if [ -e ${lock} ]; then flock -n ${lock} true && echo lock free || echo lock held; fi >> "$HOST_STATE/log"; exec /usr/bin/dirname "$@"`,
    );
    await apply();
    expect(new Set(site.host.calls(/^lock/))).toEqual(new Set(["lock held"]));
});

test("another certificate is read by nginx, and no container is started again", async () => {
    await apply();
    site.host.calls();
    await apply(installation({ chain: "second certificate\n", key: "second key\n" }));
    expect(site.host.calls(/docker (exec|restart|compose (up|down))/)).toEqual(["docker exec nginx nginx -s reload"]);
    expect(site.host.read("data/secret/cert/server.crt")).toBe("second certificate\n");
    expect(site.host.read("data/secret/cert/server.key")).toBe("second key\n");
    // The next `prepare` takes it, too.
    expect(site.host.read("tls/registry.crt")).toBe("second certificate\n");
});

test("an upgrade keeps passwords, keys and a copy of the database; it goes two minor versions far, and never back", async () => {
    await apply();
    const [before, key] = [site.secrets, site.host.read("data/secret/keys/secretkey")];
    await expect(apply(installation({ installer: { ...V16, isOnHost: false } }))).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        problem: "Harbor is upgraded over at most 2 minor versions, and 2.13.2 is there",
        fix: expect.stringContaining("Harbor 2.15 first") as string,
    });
    const newer = installation({ installer: { ...V15, isOnHost: false } });
    site.host.set("port-taken");
    await expect(apply(newer)).rejects.toMatchObject({
        code: "INSTALLER_FAILED",
        problem: expect.stringContaining("a port that it needs is taken") as string,
    });
    expect(await texts(newer)).toEqual(["its installation was not completed"]);
    // Its database may have been changed already.
    await expect(apply()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    writeFileSync(site.host.path("data/database/changed"), "");
    site.host.set("port-taken", false);
    await apply(newer);
    expect(site.secrets).toEqual(before);
    expect(site.host.read("data/secret/keys/secretkey")).toBe(key);
    expect(site.host.has("database-2.13.2", "password")).toBe(true);
    // The copy is that of before the first try.
    expect(site.host.has("database-2.13.2", "changed")).toBe(false);
    expect(site.host.has(bundle(V13))).toBe(false);
    expect(await texts(newer)).toEqual([]);
});

test("a disk that gets full, an archive that is cut or another one, and Podman in place of Docker", async () => {
    site.host.set("disk-full");
    await expect(apply()).rejects.toMatchObject({
        code: "INSTALLER_FAILED",
        problem: expect.stringContaining("the disk of the host got full") as string,
    });
    site.host.set("disk-full", false);
    await apply();
    expect(await texts()).toEqual([]);

    const elsewhere = (installer: Installation["installer"]) =>
        installation({ installer, directory: `${site.host.directory}-2`, owner: "mirror/site-a" });
    site.host.program("docker", "exit 0");
    site.host.program("docker", `if [ "$1" = --version ]; then echo "podman version 5.4.0"; fi`);
    await expect(apply(elsewhere({ ...V13, isOnHost: false }))).rejects.toMatchObject({
        code: "HOST_NOT_READY",
        problem: "it lacks docker: the command is podman, which Harbor's installer refuses",
    });
});

test.each([
    ["of another version", { ...packInstaller("harbor", "2.14.1"), version: "2.13.2" }, "that of another version"],
    ["without its images", packInstaller("harbor", "2.13.2", ["harbor/harbor.v2.13.2.tar.gz"]), "the online one"],
    ["with another checksum", { ...V13, sha256: "0".repeat(64) }, `its SHA-256 is ${V13.sha256}`],
    [
        "that does not exist",
        { ...V13, path: "/nowhere/harbor.tgz", sha256: "1".repeat(64) },
        "it cannot be read: ENOENT",
    ],
])("an archive %s is refused, and nothing of it stays", async (_what, installer, problem) => {
    await expect(apply(installation({ installer: { ...installer, isOnHost: false } }))).rejects.toMatchObject({
        code: "INSTALLER_INVALID",
        problem: expect.stringContaining(problem) as string,
    });
    expect(site.host.has("installers", `${installer.version}-${installer.sha256.slice(0, 12)}`)).toBe(false);
    await apply();
    expect(await texts()).toEqual([]);
});

test("an archive on the host is taken from there, after its checksum", async () => {
    const onHostAlready = { ...V13, isOnHost: true };
    await expect(
        apply(installation({ installer: { ...onHostAlready, sha256: "0".repeat(64) } })),
    ).rejects.toMatchObject({ code: "INSTALLER_INVALID", place: { host: expect.any(String) as string } });
    await apply(installation({ installer: onHostAlready }));
    expect(existsSync(V13.path)).toBe(true);
    expect(await texts()).toEqual([]);
});

test("an unpacking that was ended half way is begun anew", async () => {
    site.host.set("disk-full");
    await expect(apply()).rejects.toMatchObject({ code: "INSTALLER_FAILED" });
    site.host.set("disk-full", false);
    rmSync(site.host.path("installers"), { recursive: true });
    const partial = `${bundle(V13).replace(/\/harbor$/, "")}.partial`;
    mkdirSync(site.host.path(partial), { recursive: true });
    writeFileSync(site.host.path(partial, "half"), "");
    await apply();
    expect(site.host.has(partial)).toBe(false);
    expect(await texts()).toEqual([]);
});

test("removal keeps the content, unless that is to go", async () => {
    await apply();
    await remove(false);
    expect(site.host.has("data/secret/keys/secretkey")).toBe(true);
    await apply();
    expect(await texts()).toEqual([]);
    await remove(true);
    expect(existsSync(site.host.directory)).toBe(false);
});

test("a Docker daemon that does not answer is no difference but an error", async () => {
    await apply();
    site.host.set("no-docker-daemon");
    await expect(texts()).rejects.toMatchObject({
        code: "HOST_COMMAND_FAILED",
        problem: expect.stringContaining("Cannot connect to the Docker daemon") as string,
    });
});
