import { accessFiles, readSite } from "../../../lib/site";

const HOST = "registry.site-a.example:8443";

function read(networkAccess: object, host = HOST) {
    const document = { registry: { type: "distribution", mirrorBase: `${host}/mirror` }, networkAccess };
    return readSite(document, undefined, { read: () => "", now: new Date(), stack: "site-a" });
}

const issues = (networkAccess: object, host?: string): string[] =>
    read(networkAccess, host).issues.map(({ key, problem }) => `${key}: ${problem}`);

const nodes = ["10.0.0.0/24"];

test("a site without it has no files, one with it has those for firewalls", () => {
    const { site } = read({ nodes });
    if (site === undefined) throw new Error("no site");
    expect(Object.keys(accessFiles(site, site.registry).files)).toEqual([
        "access/site-firewall.yaml",
        "access/registry-host.nft",
    ]);
    expect(accessFiles({ ...site, networkAccess: undefined }, site.registry)).toEqual({ files: {}, notes: [] });
});

test("the mirroring host needs the upstreams of the site; the default list if none is known", () => {
    const { site } = read({ nodes });
    if (site === undefined) throw new Error("no site");
    const text = (upstreams?: string[]) =>
        accessFiles({ ...site, upstreams }, site.registry).files["access/site-firewall.yaml"] ?? "";
    expect(text()).toContain("registry.connect.redhat.com");
    expect(text(["ghcr.io"])).toContain("to: ghcr.io");
    expect(text(["ghcr.io"])).not.toContain("registry.connect.redhat.com");
});

describe("what is wrong is reported by key", () => {
    it.each<[string, object, string]>([
        ["no nodes", {}, "site.networkAccess.nodes: it is missing"],
        ["an empty list", { nodes: [] }, "site.networkAccess.nodes: "],
        ["an address that is none", { nodes: ["node-1"] }, 'site.networkAccess.nodes[0]: "node-1" is neither'],
        ["host bits", { nodes, others: ["10.0.9.5/24"] }, "site.networkAccess.others[0]: 10.0.9.5/24 is an address"],
        ["everybody", { nodes: ["0.0.0.0/0"] }, "site.networkAccess.nodes[0]: 0.0.0.0/0 has every address"],
        ["a port", { nodes, port: 70000 }, "site.networkAccess.port: "],
        [
            "no API servers",
            { nodes, egress: { namespaces: ["shop"] } },
            "site.networkAccess.egress.apiServers: it is missing",
        ],
        [
            "an API server that is a name",
            { nodes, egress: { namespaces: ["shop"], apiServers: ["api.lab"] } },
            'site.networkAccess.egress.apiServers[0]: "api.lab" is neither',
        ],
        [
            "a namespace of the platform",
            { nodes, egress: { namespaces: ["openshift-ingress"], apiServers: ["10.0.0.1"] } },
            "site.networkAccess.egress.namespaces[0]: openshift-ingress is a namespace of the platform",
        ],
        [
            "a namespace that cannot exist",
            { nodes, egress: { namespaces: ["Shop"], apiServers: ["10.0.0.1"] } },
            'site.networkAccess.egress.namespaces[0]: "Shop" is not a valid name',
        ],
        [
            "no label",
            { nodes, inCluster: { namespace: "registry", podLabels: {}, port: 5000 } },
            "site.networkAccess.inCluster.podLabels: without a label",
        ],
        [
            "a label that is none",
            { nodes, inCluster: { namespace: "registry", podLabels: { "a b": "c" }, port: 5000 } },
            'site.networkAccess.inCluster.podLabels: "a b: c" is not a label',
        ],
        ["a typo", { nodes, node: [] }, "site.networkAccess.node: there is no such key"],
    ])("%s", (_, networkAccess, issue) => {
        const found = issues(networkAccess);
        expect(found).toHaveLength(1);
        expect(found[0]).toContain(issue);
    });

    it("a registry that no node reaches by its name", () => {
        expect(issues({ nodes }, "localhost:5000")).toEqual([
            "site.networkAccess: the registry localhost:5000 is on loopback, which no other machine reaches",
        ]);
        const inCluster = { namespace: "registry", podLabels: { app: "registry" }, port: 5000 };
        expect(issues({ nodes, inCluster }, "registry.registry.svc:5000")).toEqual([
            "site.networkAccess.inCluster: registry.registry.svc is the name of a Service, which nodes do not resolve",
        ]);
        expect(issues({ nodes, inCluster }, "registry-registry.apps.lab.example")).toEqual([]);
    });

    it("the registry's own address as a node", () => {
        expect(issues({ nodes: ["10.0.0.4", "10.0.0.5"] }, "10.0.0.5:8443")).toEqual([
            "site.networkAccess.nodes[1]: 10.0.0.5 is the address of the registry itself, which always reaches it",
        ]);
        expect(issues({ nodes: ["10.0.0.0/24"] }, "10.0.0.5:8443")).toEqual([]);
    });
});
