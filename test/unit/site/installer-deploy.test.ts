import { readSite } from "../../../lib/site";
import { accountIssues } from "../../../lib/site/account-issues";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq2q6l2mPzq8t0m0G8tZCDDKcPq0rG0OZ2pSP6Qd1kF host";
const SHA256 = "0123456789abcdef".repeat(4);

function document(changes: { registry?: object; installer?: object } = {}): object {
    return {
        registry: {
            ...{ type: "harbor", mirrorBase: "registry.site-a.example:8443/mirror", certificate: { siteCa: {} } },
            deploy: {
                installer: {
                    host: { address: "bastion.site-a.example", hostKey: `${HOST_KEY}\n`, privateKeyFile: "/key" },
                    ...{ version: "v2.14.1", file: "harbor.tgz", sha256: SHA256 },
                    ...changes.installer,
                },
            },
            ...changes.registry,
        },
        cluster: { version: "4.18.20" },
    };
}

const read = (site: object) => readSite(site, undefined, { read: () => "", now: new Date(), stack: "site-a" });
const messages = (site: object) => read(site).issues.map(({ key, problem }) => `${key}: ${problem}`);

test("a registry that its installer sets up, with what it has by default", () => {
    const { site, issues } = read(document());
    expect(issues).toEqual([]);
    expect(site?.installation).toEqual({
        host: { address: "bastion.site-a.example", port: 22, user: "root", hostKey: HOST_KEY },
        directory: "/opt/registry-passthrough",
        installer: { path: "harbor.tgz", isOnHost: false, sha256: SHA256, version: "2.14.1" },
        ...{ httpPort: 80, deleteContent: false },
    });
    expect(site?.deployment).toBeUndefined();
    const onHost = { file: undefined, fileOnHost: "/media/disk/harbor.tgz" };
    expect(read(document({ installer: onHost })).site?.installation?.installer).toMatchObject({
        path: "/media/disk/harbor.tgz",
        isOnHost: true,
    });
});

test.each([
    ["quay", /Quay has an operator of its own/],
    ["jfrog", /Artifactory has installers of its own/],
    ["distribution", /it has none: write deploy\.cluster/],
])("%s has no installer that is run, with the reason", (type, reason) => {
    const [issue] = messages(document({ registry: { type } }));
    expect(issue).toMatch(/^site\.registry\.deploy\.installer: this program runs no installer of /);
    expect(issue).toMatch(reason);
});

test("what it needs is named by key, all at once", () => {
    const host = { address: "bastion.site-a.example", hostKey: "ssh-ed25519 AAAA" };
    const installer = { host, file: undefined, version: "2.9.0" };
    expect(messages(document({ registry: { certificate: undefined }, installer }))).toEqual([
        "site.registry.certificate: site.registry.deploy.installer needs it, and it is not set",
        "site.registry.deploy.installer: it names no archive",
        "site.registry.deploy.installer.host.hostKey: host key: it is no public key of a host",
        "site.registry.deploy.installer.version: this program installs harbor 2.10 and newer of 2, not 2.9.0",
    ]);
});

test.each([
    [{ directory: "/opt" }, "directory: not an absolute path of two or more plain names"],
    [{ directory: "/opt/../etc" }, "directory: not an absolute path of two or more plain names"],
    [{ directory: "/opt/a b" }, "directory: not an absolute path of two or more plain names"],
    [{ version: "latest" }, "version: not a version of three numbers"],
    [{ sha256: "abc" }, "sha256: not a SHA-256 in hexadecimal"],
    [{ httpPort: 8443 }, "httpPort: 8443 is the port of site.registry.mirrorBase, at which it serves TLS"],
    [{ httpPort: 0 }, /^site\.registry\.deploy\.installer\.httpPort: /],
    [{ host: { address: "a b", hostKey: HOST_KEY } }, "host.address: not a host name or an IP address"],
    [{ host: { address: "a", hostKey: HOST_KEY, user: "-oProxy" } }, "host.user: not a user name"],
])("%j is refused", (installer, problem) => {
    const expected = typeof problem === "string" ? `site.registry.deploy.installer.${problem}` : problem;
    expect(messages(document({ installer }))).toEqual([expect.stringMatching(expected)]);
});

test("one place is named, and no account that the program makes itself", () => {
    const cluster = { image: `bastion.example/distribution@sha256:${SHA256}`, storage: { size: "1GiB" } };
    const both = document({ registry: { deploy: { cluster, installer: {} } } });
    expect(messages(both).length).toBeGreaterThan(0);
    expect(messages(document({ registry: { deploy: {} } }))).toEqual(["site.registry.deploy: it says no place"]);
    const set = { registryUsername: "admin", superuserPassword: "canary-password" };
    expect(
        accountIssues((key) => (set as Record<string, string>)[key], "mirror-registry", "site-a", true).map(
            ({ key }) => key,
        ),
    ).toEqual(["registryUsername", "superuserPassword"]);
});
