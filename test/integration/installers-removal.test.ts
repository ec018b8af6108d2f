import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { installedSite } from "../support/installers/installed-site";
import { packInstaller } from "../support/installers/installer-host";

const V7 = packInstaller("mirror-registry", "2.0.7");
const V11 = packInstaller("mirror-registry", "2.0.11");

const site = installedSite({ kind: "mirror-registry", httpPort: 80, installer: { ...V7, isOnHost: false } });
const { installation, apply, texts, remove } = site;
const runs = () => site.host.calls(/^mirror-registry (install|upgrade|uninstall)/);

test("while an installer that an earlier run started works, nothing is started or removed", async () => {
    await apply();
    site.host.calls();
    const holder = spawn("flock", [site.host.path(".lock"), "sh", "-c", "echo held; exec cat"]);
    await once(holder.stdout, "data");
    const refused = { code: "HOST_NOT_READY", problem: "an installer that an earlier run started still works" };
    await expect(apply(installation({ installer: { ...V11, isOnHost: false } }))).rejects.toMatchObject(refused);
    await expect(remove(true)).rejects.toMatchObject(refused);
    expect(runs()).toEqual([]);
    expect(site.host.has("quay")).toBe(true);
    holder.stdin.end();
    await once(holder, "close");
    await apply(installation({ installer: { ...V11, isOnHost: false } }));
    expect(runs()).toHaveLength(1);
});

test("a removal with the content that was ended half way is finished by the next one", async () => {
    await apply();
    // rm takes what it meets first, and then the host is gone.
    site.host.program("rm", 'case "$*" in *--one-file-system*) /bin/rm -rf -- "$4"; exit 1;; esac; exec /bin/rm "$@"');
    await expect(remove(true)).rejects.toMatchObject({ code: "HOST_COMMAND_FAILED" });
    expect(site.host.has("installation.json")).toBe(true);
    rmSync(site.host.path("installers"), { recursive: true, force: true });
    site.host.program("rm", 'exec /bin/rm "$@"');
    await remove(true);
    expect(existsSync(site.host.directory)).toBe(false);
});

test("an uninstallation that fails says why, and the next one is complete", async () => {
    await apply();
    site.host.set("no-sudo");
    await expect(remove(true)).rejects.toMatchObject({
        code: "INSTALLER_FAILED",
        problem: expect.stringMatching(/becomes root by sudo.* and the host has none; .*sudo: not found/) as string,
        fix: "install sudo on the host, and run again",
    });
    expect(site.host.has("storage")).toBe(true);
    site.host.set("no-sudo", false);
    await remove(true);
    expect(existsSync(site.host.directory)).toBe(false);
});

test("a disk that is mounted stays, empty, when the content is removed", async () => {
    await apply();
    mkdirSync(site.host.path("lost+found"));
    site.host.program("rmdir", 'echo "rmdir: failed to remove: Device or resource busy" >&2; exit 1');
    await remove(true);
    expect(readdirSync(site.host.directory)).toEqual(["lost+found"]);
    await remove(true);
    await apply();
    expect(await texts()).toEqual([]);
});

test("a registry whose passwords are lost in both places is left alone: others would lock everybody out", async () => {
    await apply();
    const kept = site.secrets;
    for (const text of ["", "{}"]) {
        site.secrets = undefined;
        writeFileSync(site.host.path("secrets.json"), text);
        await expect(apply()).rejects.toMatchObject({
            code: "HOST_COMMAND_FAILED",
            thing: site.host.path("secrets.json"),
        });
        expect(site.secrets).toBeUndefined();
        expect(site.host.read("secrets.json")).toBe(text);
    }
    // The state alone is enough, and so is the file.
    site.secrets = kept;
    await apply();
    site.secrets = undefined;
    await apply();
    expect(site.secrets).toEqual(kept);
});

test("a folder whose disk is not mounted is not gone while its units are on the host", async () => {
    await apply();
    renameSync(site.host.directory, `${site.host.directory}-unmounted`);
    await expect(remove(false)).rejects.toMatchObject({
        code: "HOST_NOT_READY",
        problem: expect.stringMatching(
            /^the host has .*quay-app\.service, and nothing is installed in .*mounted\?$/,
        ) as string,
    });
    site.host.set("no-systemd");
    await expect(remove(false)).rejects.toMatchObject({ code: "HOST_COMMAND_FAILED" });
    site.host.set("no-systemd", false);
    // Nor is anything installed in its place.
    await expect(apply()).rejects.toMatchObject({
        code: "HOST_NOT_READY",
        problem: expect.stringMatching(/^the host has .*, and nothing is installed in .*mounted\?$/) as string,
    });
    expect(existsSync(site.host.directory)).toBe(false);
    renameSync(`${site.host.directory}-unmounted`, site.host.directory);
    await remove(true);
    expect(site.host.has()).toBe(false);
});
