import { readSite } from "../../../lib/site";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9mkrrXKWYe5k1CZyKZ3pp0uuFVJl8ZYk8uQyV5ZyXc";
const HOST = { address: "registry.example", user: "mirror", hostKey: `${HOST_KEY} root@registry`, imageFile: "/d.tar" };

function document(host: object, registry: object = {}): object {
    return {
        registry: {
            ...{ type: "distribution", mirrorBase: "registry.example:8443/mirror", pushHost: "registry.example:8444" },
            ...{ certificate: { siteCa: {} }, deploy: { host: { ...HOST, ...host } }, ...registry },
        },
        cluster: { version: "4.18.20" },
    };
}

const read = (site: object) => readSite(site, undefined, { read: () => "", now: new Date(), stack: "site-a" });
const messages = (site: object) => read(site).issues.map(({ key, problem }) => `${key}: ${problem}`);

test("a registry on a host, with what it has by default", () => {
    expect(read(document({}))).toMatchObject({
        issues: [],
        site: {
            deployment: {
                host: { address: "registry.example", port: 22, user: "mirror", hostKey: `${HOST_KEY} root@registry` },
                ...{ directory: "/var/lib/registry-passthrough", image: { file: "/d.tar" }, allowedFrom: [] },
                deleteContent: false,
            },
        },
    });
});

test("what is wrong with it is said by key, all at once", () => {
    const image = "registry.example:8443/distribution:3";
    const host = { hostKey: "ssh-ed25519 AAAA", image, imageFile: undefined, allowedFrom: ["10.0.0.1/24", "node-1"] };
    expect(messages(document(host, { pushHost: "other.example:8443", certificate: undefined }))).toEqual([
        expect.stringMatching(/^site\.registry\.certificate: .* is not set$/),
        expect.stringMatching(/^site\.registry\.deploy\.host\.hostKey: .*it is no public key of a host/),
        expect.stringMatching(/allowedFrom\[0\]: 10\.0\.0\.1\/24 is an address inside of 10\.0\.0\.0\/24/),
        expect.stringMatching(/allowedFrom\[1\]: "node-1" is neither an IP address nor a range/),
        expect.stringMatching(/^site\.registry\.pushHost: it has the port of site\.registry\.mirrorBase \(8443\)/),
        expect.stringMatching(/host\.image: .* has no digest/),
        expect.stringMatching(/host\.image: registry\.example:8443 is the registry that this image is to run/),
    ]);
    expect(messages(document({ imageFile: undefined }))).toEqual(["site.registry.deploy.host: it names no image"]);
    expect(messages(document({ image }))).toContain("site.registry.deploy.host: it names several images");
    expect(messages(document({}, { deploy: {} }))).toEqual(["site.registry.deploy: it says no place"]);
    // Units of systemd would read them in another way.
    expect(messages(document({ directory: "/srv/%t" }))[0]).toMatch(/directory: an absolute path of letters/);
    expect(messages(document({ address: "mirror@registry" }))[0]).toMatch(/address: not a host name or an IP address/);
});

test("nodes of clusters that are written to are let in; those of others must be listed", () => {
    const clusters = { east: { apply: {} }, west: {} };
    const site = (host: object, of: object = clusters) => ({ ...document(host), cluster: undefined, clusters: of });
    const nodesOf = (found: object) => {
        const { deployment } = read(found).site ?? {};
        return deployment !== undefined && "host" in deployment ? deployment.nodesOf : undefined;
    };
    const problem = "site.registry.deploy.host.allowedNodes: it needs site.clusters.west.apply: without";
    expect(messages(site({ allowedNodes: true }))).toEqual([expect.stringContaining(problem)]);
    expect(nodesOf(site({ allowedNodes: true, allowedFrom: ["10.0.9.0/24"] }))).toEqual(["east"]);
    expect(nodesOf(site({ allowedFrom: ["10.0.9.0/24"] }))).toEqual([]);
    const none = site({ allowedNodes: true, allowedFrom: ["10.0.9.0/24"] }, { west: {} });
    expect(messages(none)).toEqual([expect.stringContaining(problem)]);
});
