import { parseJson, readConfiguredSite } from "../../../lib/site";

const SITE = {
    registry: { type: "harbor", mirrorBase: "registry.example/mirror", ca: "ca.pem", adopt: true },
    content: [{ archive: "a", lock: "a.lock.json" }],
    onRemove: "delete",
    transfer: { retrySeconds: 5 },
    cluster: { apply: { context: "lab" } },
};
const PEM = "-----BEGIN CERTIFICATE-----\nAAA=\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nBBB=\n-----END PRIVATE KEY-----\n";
const files = (path: string): string => {
    if (path === "ca.pem") return `# The old CA.\n${PEM}${KEY}`;
    if (path === "empty.pem") return "";
    throw new Error(`no ${path}`);
};
const read = (site: unknown, defaults?: unknown) => readConfiguredSite({ value: site }, { value: defaults }, files);

test("today's configuration is read as the program reads it: the site over its defaults", () => {
    expect(read(SITE)).toEqual({
        type: { value: "harbor" },
        mirrorBase: { value: "registry.example/mirror" },
        pushHost: { value: undefined },
        isDeployed: { value: false },
        host: { value: undefined },
        archiveHosts: { value: [] },
        hasBucket: { value: false },
        adopt: { value: true },
        ca: { value: PEM },
        hasSiteCa: { value: false },
        clientCertificate: { value: undefined },
        certificateChain: { value: undefined },
        acmeKeyId: { value: undefined },
        proxy: { value: undefined },
        retrySeconds: { value: 5 },
        clusters: { value: [{ name: "", apply: { context: "lab" } }] },
        clustersByHand: { value: [] },
        onRemove: { value: "delete" },
        rotations: { value: { importer: "generations", puller: "generations" } },
        locks: { value: ["a.lock.json"] },
        overrides: { value: new Map([["a.lock.json", []]]) },
    });
    const overrides = [{ match: "ubi9/**", registry: "registry.redhat.io" }];
    const content = [{ archive: "a", lock: "a.lock.json", overrides }];
    expect(read({ ...SITE, content }).overrides?.value.get("a.lock.json")).toEqual(overrides);
    const robots = { rotation: "in-place", importer: { rotation: "generations" } };
    expect(read(SITE, { robots }).rotations?.value).toEqual({ importer: "generations", puller: "in-place" });
    expect(read({ ...SITE, robots: { rotation: "generations" } }, { robots }).rotations?.value.puller).toBe(
        "generations",
    );
    const { registry, ...rest } = SITE;
    expect(read({ registry: { mirrorBase: registry.mirrorBase } }, { ...rest, registry })).toEqual(read(SITE));
    expect(read({ ...SITE, content: null }, { content: [{ lock: "b.lock.json" }] }).locks?.value).toEqual([
        "b.lock.json",
    ]);
});

test("what is not set has its default, or is known not to be set", () => {
    const { type, mirrorBase } = SITE.registry;
    expect(read({ registry: { type, mirrorBase } })).toMatchObject({
        ca: { value: undefined },
        retrySeconds: { value: 60 },
        onRemove: { value: "keep" },
        locks: { value: [] },
    });
});

test.each([
    ["type", { registry: { ...SITE.registry, type: "nexus" } }],
    ["mirrorBase", { registry: { ...SITE.registry, mirrorBase: 1 } }],
    ["adopt", { registry: { ...SITE.registry, adopt: "yes" } }],
    ["ca", { registry: { ...SITE.registry, ca: "gone.pem" } }],
    ["ca", { registry: { ...SITE.registry, ca: "empty.pem" } }],
    ["retrySeconds", { transfer: { retrySeconds: "60" } }],
    ["onRemove", { onRemove: "delte" }],
    ["rotations", { robots: { puller: { rotation: "inplace" } } }],
    ["clusters", { cluster: { apply: { kubeconfig: "lab" } } }],
    ["locks", { content: [...SITE.content, { archive: "b" }] }],
])("a %s that cannot be read is unknown, not its default, and hides nothing else", (name, change) => {
    const { [name as "type"]: unknown, ...others } = read({ ...SITE, ...change });
    const { [name as "type"]: known, ...expected } = read(SITE);
    expect(unknown).toBeUndefined();
    expect(known).toBeDefined();
    expect(others).toEqual(expected);
});

test("an unknown key, or an entry with another mistake, does not hide what can be read", () => {
    const content = [{ archve: "a", lock: "a.lock.json" }];
    expect(read({ ...SITE, content, clutser: {} })).toEqual(read(SITE));
});

test("a document that cannot be read leaves unknown what it may set", () => {
    const nothing = Object.fromEntries(Object.keys(read(SITE)).map((name) => [name, undefined]));
    expect(readConfiguredSite(undefined, { value: SITE }, files)).toEqual(nothing);
    expect(readConfiguredSite({ value: undefined }, { value: SITE }, files)).toEqual(nothing);
    const { onRemove, ...rest } = SITE;
    const partly = readConfiguredSite({ value: rest }, undefined, files);
    expect(partly).toEqual({
        ...{ ...read(SITE), onRemove: undefined, clientCertificate: undefined, proxy: undefined, rotations: undefined },
        ...{ hasSiteCa: undefined, certificateChain: undefined, acmeKeyId: undefined, hasBucket: undefined },
        ...{
            clusters: undefined,
            clustersByHand: undefined,
            pushHost: undefined,
            isDeployed: undefined,
            host: undefined,
        },
    });
    expect(onRemove).toBe("delete");
    expect(read({ ...SITE, registry: "registry.example" })).toMatchObject({
        type: undefined,
        mirrorBase: undefined,
        adopt: undefined,
        ca: undefined,
        onRemove: { value: "delete" },
    });
});

test("JSON that is none is not the same as no JSON", () => {
    expect(parseJson("{")).toBeUndefined();
    expect(parseJson(undefined)).toEqual({ value: undefined });
});

test("clusters are read with their defaults under them, as the program reads them", () => {
    const clusters = { east: { version: "4.18.20", apply: {} }, west: { apply: { kubeconfigFile: "west" } } };
    const { registry } = SITE;
    expect(read({ registry, clusters }, { clusters: { east: { apply: { context: "lab" } } } }).clusters?.value).toEqual(
        [
            { name: "east", apply: { context: "lab" } },
            { name: "west", apply: { kubeconfigFile: "west" } },
        ],
    );
    expect(read({ registry }).clusters?.value).toEqual([{ name: "" }]);
    const byHand = { ...clusters, south: {}, north: { allowRemoval: true } };
    expect(read({ registry, clusters: byHand }).clustersByHand?.value).toEqual(["site.clusters.south"]);
    const broken = { ...byHand, east: { apply: {}, rollout: null } };
    expect(read({ registry, clusters: broken }).clustersByHand?.value).toEqual(["site.clusters.south"]);
    expect(read({ registry }).clustersByHand?.value).toEqual(["site.cluster"]);
    const targets = { cluster: { apply: {}, targets: ["containerd"] } };
    expect(read({ registry, ...targets }).clustersByHand?.value).toEqual(["site.cluster"]);
});
