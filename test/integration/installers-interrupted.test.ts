import { join } from "node:path";
import { throughLostConnections } from "../support/host/lost-connections";
import { installedSite } from "../support/installers/installed-site";
import { packInstaller } from "../support/installers/installer-host";

jest.setTimeout(300_000);

describe.each([
    ["harbor", "2.13.2", "2.15.0"],
    ["mirror-registry", "2.0.7", "2.0.11"],
] as const)("connections to a host of %s that are lost at one command after the other", (kind, former, newer) => {
    const [first, second] = [packInstaller(kind, former), packInstaller(kind, newer)];
    const site = installedSite({ kind, httpPort: 8080, installer: { ...first, isOnHost: false } });
    const { installation, apply, texts, remove } = site;

    test("end in an installation, also where the state is lost each time, and its password is the one on the host", async () => {
        const tries = await throughLostConnections(site.host, () => {
            site.secrets = undefined;
            return apply();
        });
        expect(tries).toBeGreaterThan(12);
        expect(await texts()).toEqual([]);
        expect(JSON.parse(site.host.read("secrets.json"))).toEqual(site.secrets);
        if (kind !== "harbor") return;
        const folder = join("installers", `${former}-${first.sha256.slice(0, 12)}`, "harbor");
        expect(site.host.read(folder, "harbor.yml")).toContain(`harbor_admin_password: ${site.secrets?.password}`);
    });

    test("end in an upgrade, also where the state is lost each time", async () => {
        await apply();
        const { secrets } = site;
        const upgraded = installation({ installer: { ...second, isOnHost: false } });
        const tries = await throughLostConnections(site.host, () => {
            site.secrets = undefined;
            return apply(upgraded);
        });
        expect(tries).toBeGreaterThan(10);
        expect(await texts(upgraded)).toEqual([]);
        expect(site.secrets).toEqual(secrets);
    });

    test("end in another certificate", async () => {
        await apply();
        const renewed = installation({ chain: "second certificate\n", key: "second key\n" });
        expect(await throughLostConnections(site.host, () => apply(renewed))).toBeGreaterThan(10);
        expect(await texts(renewed)).toEqual([]);
    });

    test("end in a removal with the content, after which there is nothing that the next installation minds", async () => {
        await apply();
        expect(await throughLostConnections(site.host, () => remove(true))).toBeGreaterThan(3);
        expect(site.host.has()).toBe(false);
        site.secrets = undefined;
        await apply();
        expect(await texts()).toEqual([]);
    });
});
