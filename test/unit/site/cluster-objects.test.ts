import type { Target } from "../../../lib/openshift";
import { type Content, clusterObjects, mirrorPolicy, targetFiles } from "../../../lib/site";
import type { ClusterFacts } from "../../../lib/mirror/cluster-facts";
import { type Digest, computeDigest, digestHex } from "../../../lib/oci/digest";
import type { SignaturePolicy } from "../../../lib/signatures";

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

const MIRROR = { host: "registry.lab:8443", prefix: "mirror" };
const objectsFor = (content: readonly Content[], version?: string, signatures: readonly SignaturePolicy[] = []) => {
    const cluster = { contactSource: "allow" as const, ...(version === undefined ? {} : { version }) };
    return clusterObjects({ content, cluster, signatures }, MIRROR);
};

describe("what a cluster takes beside mirror rules", () => {
    it("is nothing for content that has none of it", () => {
        expect(objectsFor([set("plain", { "quay.io/org/app:1": one })])).toEqual({
            catalogSources: [],
            clusterCatalogs: [],
            releaseSignatures: [],
            updateService: [],
            operatorHub: [],
            clusterImagePolicies: [],
            pinnedImageSets: [],
            notes: [],
        });
    });

    it("has a ClusterImagePolicy for each policy but OpenShift's own from 4.20 on, and a note before", () => {
        const team1: SignaturePolicy = {
            name: "team1",
            scopes: ["quay.io/team1"],
            publicKey: "PEM",
            signedIdentity: { matchPolicy: "MatchRepository" },
        };
        const policies = [team1, { ...team1, name: "openshift" }];
        const { clusterImagePolicies, notes } = objectsFor([], "4.20.3", policies);
        expect(notes).toEqual([]);
        expect(clusterImagePolicies).toEqual([
            {
                apiVersion: "config.openshift.io/v1",
                kind: "ClusterImagePolicy",
                metadata: { name: "team1" },
                spec: {
                    scopes: ["quay.io/team1"],
                    policy: {
                        rootOfTrust: {
                            policyType: "PublicKey",
                            publicKey: { keyData: Buffer.from("PEM").toString("base64") },
                        },
                        signedIdentity: { matchPolicy: "MatchRepository" },
                    },
                },
            },
        ]);
        expect(objectsFor([], "4.19", policies)).toMatchObject({
            clusterImagePolicies: [],
            pinnedImageSets: [],
            notes: [expect.stringMatching(/^OpenShift 4\.19 has no ClusterImagePolicy v1 .*: team1, openshift$/)],
        });
    });

    it("is made of all sets together, at their places in the mirror", () => {
        const objects = objectsFor([
            set(
                "a",
                { [release]: one },
                facts({ releases: { [release]: "4.18.20" }, signatures: { [one]: ["AA=="] } }),
            ),
            set("b", { [catalog]: two, [graph]: two }, facts({ catalogs: [catalog], graphImage: graph })),
        ]);
        expect(objects.catalogSources).toMatchObject([
            { spec: { image: "registry.lab:8443/mirror/registry.redhat.io/redhat/redhat-operator-index:v4.18" } },
        ]);
        expect(objects.clusterCatalogs).toHaveLength(1);
        expect(objects.releaseSignatures).toMatchObject([{ binaryData: { [`sha256-${digestHex(one)}-1`]: "AA==" } }]);
        expect(objects.updateService).toMatchObject([
            {
                spec: {
                    releases: "registry.lab:8443/mirror/quay.io/openshift-release-dev/ocp-release",
                    graphDataImage: `registry.lab:8443/mirror/localhost/openshift/graph-image@${two}`,
                },
            },
        ]);
        expect(objects.operatorHub).toMatchObject([
            { kind: "OperatorHub", metadata: { name: "cluster" }, spec: { disableAllDefaultSources: true } },
        ]);
        expect(objects.notes).toEqual([]);
    });

    it("has ClusterCatalogs only for clusters that know them", () => {
        const content = [set("b", { [catalog]: two }, facts({ catalogs: [catalog] }))];
        expect(objectsFor(content, "4.17").clusterCatalogs).toEqual([]);
        expect(objectsFor(content, "4.17").catalogSources).toHaveLength(1);
        expect(objectsFor(content, "4.18.1").clusterCatalogs).toHaveLength(1);
    });

    it("warns of a release that clusters will refuse: no signature, and from 4.21 on no sigstore signature", () => {
        const notes = (images: Record<string, Digest>, version: string, signatures = {}): readonly string[] =>
            objectsFor([set("a", images, facts({ releases: { [release]: version }, signatures }))]).notes;
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

    it("warns of images that releases are made of, and that nodes of 4.22 ask for signatures of", () => {
        const component = `quay.io/openshift-release-dev/ocp-v4.0-art-dev@${two}`;
        const seals = [one, two].map((digest) => {
            const path = digest === one ? "ocp-release" : "ocp-v4.0-art-dev";
            return `quay.io/openshift-release-dev/${path}:sha256-${digestHex(digest)}.sig`;
        });
        const notes = (versions: readonly string[], ...sealed: readonly (string | undefined)[]) => {
            const releases = Object.fromEntries(versions.map((version) => [`${release}-${version}`, version]));
            const sources = [...Object.keys(releases), ...sealed.flatMap((seal) => seal ?? [])];
            const images = { [component]: two, ...Object.fromEntries(sources.map((source) => [source, one])) };
            return objectsFor([set("a", images, facts({ releases, signatures: { [one]: ["AA=="] } }))]).notes;
        };
        const note = expect.stringContaining("came with 1 of 1 images that the releases are made of") as string;
        expect(notes(["4.22.1"], seals[0])).toEqual([note]);
        expect(notes(["4.22.1"], ...seals)).toEqual([]);
        // Which of the releases an image belongs to is not known.
        expect(notes(["4.22.1", "4.21.9"], seals[0])).toEqual([]);
    });

    it("tells which releases its update service leaves out: it takes one repository", () => {
        const other = "registry.lab.example/ocp/release:4.18.20";
        const all = facts({
            releases: { [release]: "4.18.20", [other]: "4.18.20" },
            signatures: { [one]: ["AA=="] },
            graphImage: graph,
        });
        const { notes } = objectsFor([set("a", { [release]: one, [other]: one, [graph]: two }, all)]);
        expect(notes).toEqual([
            expect.stringMatching(/offers the releases of \S+ocp-release only, not those of \S+ocp\/release/),
        ]);
    });
});

it("an image without upstream is in no mirror rule", () => {
    const content = [set("a", { "quay.io/org/app:1": one, [graph]: two }, facts({ graphImage: graph }))];
    const cluster = { contactSource: "never" } as const;
    const { objects, notes } = mirrorPolicy({ content, cluster, upstreams: ["quay.io", "docker.io"] }, MIRROR);
    expect(JSON.stringify(objects)).toContain('"source":"quay.io"');
    expect(JSON.stringify(objects)).not.toContain("localhost");
    expect(notes).toContain("no rule yet, since there is no content, for: docker.io");
});

describe("files for other targets", () => {
    const content = [set("a", { [release]: one }, facts({ releases: { [release]: "4.18.20" } }))];
    const files = (targets: readonly Target[]) => {
        const cluster = { contactSource: "allow", targets } as const;
        return targetFiles({ content, cluster, upstreams: [] }, { mirror: MIRROR, ca: "PEM" }).files;
    };

    it("are none unless targets are listed", () => expect(files([])).toEqual({}));

    it("take the releases of the content from the mirror", () => {
        expect(files(["appliance"])["appliance/appliance-config.mirror.yaml"]).toContain(
            `  version: 4.18.20\n  url: registry.lab:8443/mirror/quay.io/openshift-release-dev/ocp-release@${one}\n`,
        );
    });

    it("have the CA of the registry", () => {
        expect(files(["podman"])["podman/certs.d/registry.lab:8443/ca.crt"]).toBe("PEM");
    });
});
