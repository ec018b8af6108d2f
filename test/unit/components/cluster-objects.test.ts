import { parseAllDocuments } from "yaml";
import { clusterObjects } from "../../../components/cluster-objects";
import { mirrorPolicy } from "../../../components/mirror-policy";
import { type Content, type Site, allImages, allMarks, parseConnection } from "../../../lib/site";
import type { ClusterFacts } from "../../../lib/mirror/cluster-facts";
import { type Digest, computeDigest, digestHex } from "../../../lib/oci/digest";

const release = "quay.io/openshift-release-dev/ocp-release:4.18.20-x86_64";
const catalog = "registry.redhat.io/redhat/redhat-operator-index:v4.18";
const graph = "localhost/openshift/graph-image:latest";
const [one, two] = [computeDigest("one"), computeDigest("two")];
const facts = (change: Partial<ClusterFacts> = {}): ClusterFacts => ({
    catalogs: [],
    releases: {},
    signatures: {},
    ...change,
});

function set(name: string, images: Record<string, Digest>, cluster?: ClusterFacts): Content {
    const marks: Content["marks"] = images[graph] === undefined ? {} : { [graph]: "rebuilt" };
    const names = { name, archive: [name], lock: name, lockDigest: computeDigest(name) };
    const common = { ...names, sparse: [], leftOut: [], superseded: [] };
    return { ...common, images, earlier: {}, marks, ...(cluster === undefined ? {} : { cluster }) };
}

const site = (content: readonly Content[], version?: string): Site => ({
    registry: parseConnection({ type: "distribution", mirrorBase: "registry.lab:8443/mirror", retrySeconds: 60 }),
    upstreams: ["quay.io", "registry.redhat.io"],
    content,
    cluster: { contactSource: "never", ...(version === undefined ? {} : { version }) },
    concurrency: 6,
    wholeImages: 3,
    adopt: false,
    robots: { importer: { maxAge: 30 }, puller: { maxAge: 90, overlap: 7 } },
    onRemove: "keep",
});

const documents = (yaml: string): unknown[] => parseAllDocuments(yaml).map((document) => document.toJS() as unknown);

describe("what a cluster takes beside mirror rules", () => {
    it("is nothing for content that has none of it", () => {
        expect(clusterObjects(site([set("plain", { "quay.io/org/app:1": one })]))).toEqual({
            catalogSources: "",
            clusterCatalogs: "",
            releaseSignatures: "",
            updateService: "",
            operatorHub: "",
            notes: [],
        });
    });

    it("is made of all sets together, at their places in the mirror", () => {
        const objects = clusterObjects(
            site([
                set(
                    "a",
                    { [release]: one },
                    facts({ releases: { [release]: "4.18.20" }, signatures: { [one]: ["AA=="] } }),
                ),
                set("b", { [catalog]: two, [graph]: two }, facts({ catalogs: [catalog], graphImage: graph })),
            ]),
        );
        expect(documents(objects.catalogSources)).toMatchObject([
            { spec: { image: "registry.lab:8443/mirror/registry.redhat.io/redhat/redhat-operator-index:v4.18" } },
        ]);
        expect(documents(objects.clusterCatalogs)).toHaveLength(1);
        expect(documents(objects.releaseSignatures)).toMatchObject([
            { binaryData: { [`sha256-${digestHex(one)}-1`]: "AA==" } },
        ]);
        expect(documents(objects.updateService)).toMatchObject([
            {
                spec: {
                    releases: "registry.lab:8443/mirror/quay.io/openshift-release-dev/ocp-release",
                    graphDataImage: `registry.lab:8443/mirror/localhost/openshift/graph-image@${two}`,
                },
            },
        ]);
        expect(documents(objects.operatorHub)).toMatchObject([
            { kind: "OperatorHub", metadata: { name: "cluster" }, spec: { disableAllDefaultSources: true } },
        ]);
        expect(objects.notes).toEqual([]);
    });

    it("has ClusterCatalogs only for clusters that know them", () => {
        const content = [set("b", { [catalog]: two }, facts({ catalogs: [catalog] }))];
        expect(clusterObjects(site(content, "4.17")).clusterCatalogs).toBe("");
        expect(clusterObjects(site(content, "4.17")).catalogSources).not.toBe("");
        expect(clusterObjects(site(content, "4.18.1")).clusterCatalogs).not.toBe("");
    });

    it("warns of a release that clusters will refuse: no signature, and from 4.21 on no sigstore signature", () => {
        const notes = (images: Record<string, Digest>, version: string, signatures = {}): readonly string[] =>
            clusterObjects(site([set("a", images, facts({ releases: { [release]: version }, signatures }))])).notes;
        expect(notes({ [release]: one }, "4.18.20")).toEqual([
            expect.stringContaining(`no signature came with ${release}`),
        ]);
        expect(notes({ [release]: one }, "4.18.20", { [one]: ["AA=="] })).toEqual([]);
        expect(notes({ [release]: one }, "4.21.0", { [one]: ["AA=="] })).toEqual([
            expect.stringContaining(`no sigstore signature (sha256-….sig) came with ${release}`),
        ]);
        const seal = `quay.io/openshift-release-dev/ocp-release:sha256-${digestHex(one)}.sig`;
        expect(notes({ [release]: one, [seal]: two }, "4.21.0", { [one]: ["AA=="] })).toEqual([]);
        expect(notes({ [release]: one }, "", { [one]: ["AA=="] })).toEqual([]);
    });

    it("tells which releases its update service leaves out: it takes one repository", () => {
        const other = "registry.lab.example/ocp/release:4.18.20";
        const all = facts({
            releases: { [release]: "4.18.20", [other]: "4.18.20" },
            signatures: { [one]: ["AA=="] },
            graphImage: graph,
        });
        const { notes } = clusterObjects(site([set("a", { [release]: one, [other]: one, [graph]: two }, all)]));
        expect(notes).toEqual([
            expect.stringMatching(/offers the releases of \S+ocp-release only, not those of \S+ocp\/release/),
        ]);
    });
});

it("an image without upstream is in no mirror rule", () => {
    const content = [set("a", { "quay.io/org/app:1": one, [graph]: two }, facts({ graphImage: graph }))];
    const policy = mirrorPolicy(site(content), allImages(content), allMarks(content));
    expect(policy.mirrorRules).toContain("source: quay.io");
    expect(policy.mirrorRules).not.toContain("localhost");
});
