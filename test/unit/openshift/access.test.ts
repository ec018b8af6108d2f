import { parse as parseYaml, parseAllDocuments } from "yaml";
import {
    type AddressRange,
    type NetworkAccess,
    RENDERED_MARK,
    parseAddressRange,
    renderAccess,
} from "../../../lib/openshift";

const ranges = (...texts: readonly string[]): AddressRange[] =>
    texts.map((text) => {
        const range = parseAddressRange(text);
        if (!("cidr" in range)) throw new Error(range.problem);
        return range;
    });

const BOTH: NetworkAccess = { nodes: ranges("10.0.0.0/24", "2001:db8::/64"), others: ranges("10.0.9.5") };

function render(access: Partial<NetworkAccess> = {}, registryHost = "registry.lab:8443", sources = ["quay.io"]) {
    return renderAccess({ access: { ...BOTH, ...access }, registryHost, plainHttp: false, sources });
}

describe("address ranges", () => {
    it.each([
        ["10.0.0.5", "10.0.0.5/32"],
        ["10.0.0.0/24", "10.0.0.0/24"],
        ["2001:DB8:0:0::/64", "2001:db8::/64"],
        ["fe80::1", "fe80::1/128"],
        ["::1:0:0/96", "::1:0:0/96"],
        ["2001:db8::10.0.0.5", "2001:db8::a00:5/128"],
    ])("%s is %s", (text, cidr) => expect(parseAddressRange(text)).toMatchObject({ cidr }));

    it.each([
        ["registry.lab", "neither an IP address nor a range"],
        ["010.0.0.1", "neither an IP address nor a range"],
        ["10.0.0.0/33", "neither an IP address nor a range"],
        ["2001:db8::/129", "neither an IP address nor a range"],
        ["fe80::1%eth0", "neither an IP address nor a range"],
        ["10.0.0.0/24/3", "neither an IP address nor a range"],
        ["", "neither an IP address nor a range"],
        ["0.0.0.0/0", "has every address"],
        ["::/0", "has every address"],
        ["127.0.0.1", "on loopback"],
        ["::1", "on loopback"],
        ["239.0.0.0/8", "multicast"],
        ["ff02::1", "multicast"],
        ["::ffff:10.0.0.1", "IPv4 address in IPv6 notation"],
    ])("%j is invalid: %s", (text, problem) => {
        const { problem: found, fix } = parseAddressRange(text) as { problem: string; fix: string };
        expect(found).toContain(problem);
        expect(fix).not.toBe("");
    });

    it("an address with a length is no range: the fix has both", () => {
        expect(parseAddressRange("10.0.0.5/24")).toEqual({
            problem: "10.0.0.5/24 is an address inside of 10.0.0.0/24, not a range",
            fix: "write 10.0.0.0/24 for the range, or 10.0.0.5 for the address alone",
        });
        expect(parseAddressRange("2001:db8::5/64")).toMatchObject({
            fix: "write 2001:db8::/64 for the range, or 2001:db8::5 for the address alone",
        });
    });
});

describe("the files", () => {
    const everything = render({
        egress: { namespaces: ["shop"], apiServers: ranges("10.0.0.10") },
        inCluster: { namespace: "registry", podLabels: { app: "registry" }, port: 5000 },
    }).files;

    it("begin with the mark and with what they can and cannot do", () => {
        const all = { ...render().files, ...everything };
        expect(Object.keys(all).sort()).toEqual([
            "access/egress-firewall.yaml",
            "access/registry-host.nft",
            "access/registry-network-policy.yaml",
            "access/site-firewall.yaml",
        ]);
        for (const text of Object.values(all)) {
            const [mark, ...lines] = text.split("\n");
            expect(mark).toBe(RENDERED_MARK);
            const header = lines
                .slice(
                    0,
                    lines.findIndex((line) => !line.startsWith("#")),
                )
                .join("\n");
            expect(header).toMatch(/Does not|Cannot|does\n# not/);
        }
    });

    it("a registry in a cluster has a policy, any other a ruleset for its host", () => {
        expect(Object.keys(render().files)).toEqual(["access/site-firewall.yaml", "access/registry-host.nft"]);
        expect(everything["access/registry-host.nft"]).toBeUndefined();
    });
});

describe("site firewall", () => {
    const document = (registryHost?: string, sources?: string[]) =>
        parseYaml(render({}, registryHost, sources).files["access/site-firewall.yaml"] ?? "") as {
            rules: { action: string; from: string[]; to: string; port: number | "any" }[];
            mirroringHost: { to: string; port: number }[];
        };

    it("admits nodes and others to the registry, nobody else, and nodes to nothing outside", () => {
        expect(document().rules.map(({ action, from, to, port }) => [action, from.join(), to, port])).toEqual([
            ["allow", "10.0.0.0/24,2001:db8::/64", "registry.lab", 8443],
            ["allow", "10.0.9.5/32", "registry.lab", 8443],
            ["deny", "any", "registry.lab", 8443],
            ["deny", "10.0.0.0/24,2001:db8::/64", "internet", "any"],
        ]);
        expect(document("registry.lab").rules[0]?.port).toBe(443);
    });

    it.each([
        ["[2001:db8::9]:8443", 8443],
        ["[2001:db8::9]", 443],
    ])("names a registry with the address %s, and a source with one", (host, port) => {
        const { rules, mirroringHost } = document(host, [host]);
        expect(rules[0]).toMatchObject({ to: "2001:db8::9", port });
        expect(mirroringHost[0]).toMatchObject({ to: "2001:db8::9", port });
        const egress = { namespaces: ["shop"], apiServers: ranges("10.0.0.10") };
        const { files } = render({ egress }, host);
        expect(files["access/registry-host.nft"]).toContain(`tcp dport ${port}`);
        expect(parseYaml(files["access/egress-firewall.yaml"] ?? "")).toMatchObject({
            spec: {
                egress: expect.arrayContaining([
                    { type: "Allow", to: { cidrSelector: "2001:db8::9/128" }, ports: [{ protocol: "TCP", port }] },
                ]),
            },
        });
    });

    it("lists what the mirroring host needs: registries, and where they redirect to", () => {
        const hosts = document(undefined, ["quay.io", "docker.io", "up.example:5000"]).mirroringHost;
        expect(hosts).toContainEqual(expect.objectContaining({ to: "up.example", port: 5000 }));
        const names = hosts.map(({ to }) => to);
        expect(names).toEqual(expect.arrayContaining(["quay.io", "cdn.quay.io", "cdn06.quay.io", "auth.docker.io"]));
        expect(names).not.toContain("sso.redhat.com");
        expect(document(undefined, ["registry.redhat.io"]).mirroringHost.map(({ to }) => to)).toContain(
            "sso.redhat.com",
        );
    });
});

describe("ruleset for the registry's host", () => {
    it("filters before destination NAT, by sets of both families, and accepts loopback", () => {
        const text = render().files["access/registry-host.nft"] ?? "";
        expect(text).toContain("type filter hook prerouting priority -150; policy accept;");
        expect(text).toContain('iifname "lo" accept');
        expect(text).toContain("elements = { 10.0.0.0/24, 10.0.9.5/32 }");
        expect(text).toContain("elements = { 2001:db8::/64 }");
        expect(text).toContain("fib daddr type local tcp dport 8443 counter drop");
    });

    it("takes the port of the host, and no overlapping ranges", () => {
        const nodes = ranges("10.0.0.5", "10.0.0.0/24", "10.0.0.0/25", "10.0.0.0/24");
        const text = render({ port: 5000, nodes, others: [] }).files["access/registry-host.nft"] ?? "";
        expect(text).toContain("tcp dport 5000");
        expect(text).not.toContain("8443");
        expect(text).toContain("elements = { 10.0.0.0/24 }");
        expect(text.match(/elements/g)).toHaveLength(1);
    });
});

describe("objects of a cluster", () => {
    it("an EgressFirewall for each namespace admits API servers and registry, and denies the rest", () => {
        const egress = { namespaces: ["shop", "billing"], apiServers: ranges("10.0.0.10", "10.0.0.11") };
        const objects = parseAllDocuments(render({ egress }).files["access/egress-firewall.yaml"] ?? "").map(
            (document) => document.toJS() as object,
        );
        const spec = {
            egress: [
                { type: "Allow", to: { cidrSelector: "10.0.0.10/32" } },
                { type: "Allow", to: { cidrSelector: "10.0.0.11/32" } },
                { type: "Allow", to: { dnsName: "registry.lab" }, ports: [{ protocol: "TCP", port: 8443 }] },
                { type: "Deny", to: { cidrSelector: "0.0.0.0/0" } },
                { type: "Deny", to: { cidrSelector: "::/0" } },
            ],
        };
        const metadata = (namespace: string) => ({ name: "default", namespace });
        expect(objects).toEqual(
            ["shop", "billing"].map((namespace) => ({
                apiVersion: "k8s.ovn.org/v1",
                kind: "EgressFirewall",
                metadata: metadata(namespace),
                spec,
            })),
        );
        const byAddress = render({ egress }, "10.0.0.7:8443").files["access/egress-firewall.yaml"];
        expect(byAddress).toContain("cidrSelector: 10.0.0.7/32");
        expect(byAddress).not.toContain("dnsName");
    });

    it("a NetworkPolicy admits nodes and routers to the registry's pods", () => {
        const inCluster = { namespace: "registry", podLabels: { app: "registry" }, port: 5000 };
        const label = (name: string) => ({
            namespaceSelector: { matchLabels: { [`policy-group.network.openshift.io/${name}`]: "" } },
        });
        expect(parseYaml(render({ inCluster }).files["access/registry-network-policy.yaml"] ?? "")).toEqual({
            apiVersion: "networking.k8s.io/v1",
            kind: "NetworkPolicy",
            metadata: { name: "registry-passthrough", namespace: "registry" },
            spec: {
                podSelector: { matchLabels: { app: "registry" } },
                policyTypes: ["Ingress"],
                ingress: [
                    { from: [label("host-network"), label("ingress")], ports: [{ protocol: "TCP", port: 5000 }] },
                ],
            },
        });
    });
});

test("notes say who is locked out", () => {
    expect(render().notes).toEqual([]);
    expect(render({ others: [] }).notes.join()).toContain("not the machine that runs this program");
    expect(render({ nodes: ranges("10.0.0.0/24") }).notes.join()).toContain("over IPv6");
    expect(render({ nodes: ranges("2001:db8::/64"), others: [] }).notes.join()).toContain("over IPv4");
});
