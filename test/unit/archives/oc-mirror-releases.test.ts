import { digestHex } from "../../../lib/oci/digest";
import { type OcMirrorSpec, imageSetText, imageObjects, testImage } from "../../support/archives";
import { bench, readContents, toImageMap, refused, tagged } from "../../support/oc-mirror-archive";
import {
    type MessageForm,
    type WorkingFiles,
    graphFile,
    releaseFolder,
    signatureFile,
    signedMessage,
} from "../../support/oc-mirror-working-dir";

const payload = testImage("payload");
const etcd = testImage("etcd");
const cli = testImage("cli");
const art = "quay.io/openshift-release-dev/ocp-v4.0-art-dev";
const ocp = "quay.io/openshift-release-dev/ocp-release";
const tag = "4.18.20-x86_64";
const components = { etcd: `${art}@${etcd.digest}`, cli: `${art}@${cli.digest}` };
const channels = `${imageSetText([]).replace("  additionalImages:\n", "")}  platform: {channels: [{name: stable-4.18}]}\n`;
const graph = graphFile({ "4.18.20": `${ocp}@${payload.digest}`, "4.18.21": `${ocp}@${cli.digest}` });

afterEach(() => bench.clear());

function released(files: WorkingFiles, more: Partial<OcMirrorSpec> = {}): OcMirrorSpec {
    const { tags = [], ...rest } = more;
    return {
        tags: [
            tagged("openshift/release-images", tag, payload),
            tagged("openshift/release", `${tag}-etcd`, etcd),
            tagged("openshift/release", `${tag}-cli`, cli),
            ...tags,
        ],
        imageSet: channels,
        files: { ...releaseFolder(tag, components, { version: "4.18.20" }), ...files },
        ...rest,
    };
}

const whole = {
    [`${ocp}:${tag}`]: payload.digest,
    [`${art}:${tag}-etcd`]: etcd.digest,
    [`${art}:${tag}-cli`]: cli.digest,
};

describe("a release of a channel", () => {
    it("is named by the update graph, its components by the release", async () => {
        const contents = await readContents(released(graph));
        expect(Object.fromEntries(contents.images)).toEqual(whole);
        expect(contents.absent).toEqual([]);
        expect(contents.notes).toEqual([]);
        expect(contents.cluster).toEqual({ catalogs: [], releases: { [`${ocp}:${tag}`]: "4.18.20" }, signatures: {} });
    });

    it.each<MessageForm>(["zip", "zlib", "plain", "partial"])("is named by its signature (%s)", async (form) => {
        const name = `registry.lab/mirrored/ocp-release:${tag}`;
        const message = signedMessage(name, payload.digest, form);
        const contents = await readContents(released(signatureFile(tag, payload.digest, message)));
        expect(contents.images.get(name)).toBe(payload.digest);
        expect(contents.cluster?.signatures).toEqual({ [payload.digest]: [message.toString("base64")] });
    });

    it("leaves a signature out that is about another image, or is none", async () => {
        const wrong = {
            ...signatureFile(tag, payload.digest, signedMessage(`${ocp}:${tag}`, cli.digest)),
            ...signatureFile("x", cli.digest, Buffer.from("nonsense")),
        };
        const contents = await readContents(released({ ...graph, ...wrong }));
        expect(contents.cluster?.signatures).toEqual({});
        expect(contents.notes).toEqual([
            expect.stringContaining(`${tag}-sha256-${digestHex(payload.digest)}`),
            expect.stringContaining("is no signature of"),
        ]);
    });

    it("is taken for Red Hat's, if only its components tell; any other one is asked for", async () => {
        expect(await toImageMap(released({}))).toEqual(whole);
        const own = releaseFolder(tag, {
            etcd: `quay.io/okd/content@${etcd.digest}`,
            cli: `quay.io/okd/content@${cli.digest}`,
        });
        const error = await refused(released(own));
        expect(error.message).toContain(
            `openshift/release-images:${tag} (${payload.digest}): no upstream name is known`,
        );
        expect(error.message).toContain("1 name has no single upstream");
    });

    it("has its KubeVirt images, with and without the architecture in their tags", async () => {
        const [x86, s390] = [testImage("x86"), testImage("s390x")];
        const kubeVirt = { x86_64: `${art}@${x86.digest}`, s390x: `${art}@${s390.digest}` };
        const files = { ...graph, ...releaseFolder(tag, components, { kubeVirt }) };
        const one = [tagged("openshift/release", `${tag}-kube-virt-container`, x86)];
        expect(await toImageMap(released(files, { tags: one }))).toEqual({
            ...whole,
            [`${art}:${tag}-kube-virt-container`]: x86.digest,
        });
        const both = [
            tagged("openshift/release", `${tag}-kube-virt-container-x86_64`, x86),
            tagged("openshift/release", `${tag}-kube-virt-container-s390x`, s390),
        ];
        expect(await toImageMap(released(files, { tags: both }))).toEqual({
            ...whole,
            [`${art}:${tag}-kube-virt-container-x86_64`]: x86.digest,
            [`${art}:${tag}-kube-virt-container-s390x`]: s390.digest,
        });
    });

    it("tells the components that it lacks", async () => {
        const missing = testImage("missing");
        const files = { ...graph, ...releaseFolder(tag, { ...components, gone: `${art}@${missing.digest}` }) };
        expect((await readContents(released(files))).absent).toEqual([`${art}:${tag}-gone`]);
    });

    it("looks for components that came earlier by their digest: they may have had another release's tag", async () => {
        const contents = await readContents(released(graph, { history: imageObjects(etcd).keys() }));
        expect([...contents.earlierImages]).toEqual([[`${art}@${etcd.digest}`, etcd.digest]]);
        expect(contents.images.size).toBe(2);
        expect(contents.absent).toEqual([]);
    });

    it("gives its signatures of every image the repository of their subject", async () => {
        const signature = testImage("signature");
        const tags = [
            tagged("openshift/release", `sha256-${digestHex(etcd.digest)}.sig`, signature),
            tagged("openshift/release-images", `sha256-${digestHex(payload.digest)}.sig`, signature),
        ];
        expect(await toImageMap(released(graph, { tags }))).toEqual({
            ...whole,
            [`${art}:sha256-${digestHex(etcd.digest)}.sig`]: signature.digest,
            [`${ocp}:sha256-${digestHex(payload.digest)}.sig`]: signature.digest,
        });
    });

    it("survives files that cannot be read: they are named in a note", async () => {
        const folder = `working-dir/hold-release/ocp-release/${tag}/release-manifests`;
        const files = { ...graph, [`${folder}/0000_50_installer_coreos-bootimages.yaml`]: "data: 7" };
        const contents = await readContents(released(files));
        expect(Object.fromEntries(contents.images)).toEqual(whole);
        expect(contents.notes).toEqual([expect.stringMatching(/coreos-bootimages\.yaml .* cannot be read/)]);
    });
});

describe("a release that the image set names", () => {
    const hex = digestHex(payload.digest);
    const spec = (release: string, more: Partial<OcMirrorSpec> = {}): OcMirrorSpec => ({
        tags: [
            tagged("openshift/release-images", hex, payload),
            tagged("openshift/release", `${hex}-etcd`, etcd),
            tagged("openshift/release", `${hex}-cli`, cli),
        ],
        imageSet: `mirror:\n  platform:\n    release: ${release}\n`,
        files: releaseFolder(hex, components),
        ...more,
    });

    it("by tag is the one that is filed by its digest, and gives the tag to its components", async () => {
        expect(await toImageMap(spec(`registry.lab/ocp/release:${tag}`))).toEqual({
            [`registry.lab/ocp/release:${tag}`]: payload.digest,
            [`${art}:${tag}-etcd`]: etcd.digest,
            [`${art}:${tag}-cli`]: cli.digest,
        });
    });

    it("by digest has no tag: its components begin with the digest", async () => {
        expect(await toImageMap(spec(`registry.lab/ocp/release@${payload.digest}`))).toEqual({
            [`registry.lab/ocp/release@${payload.digest}`]: payload.digest,
            [`${art}:${hex}-etcd`]: etcd.digest,
            [`${art}:${hex}-cli`]: cli.digest,
        });
    });

    it("by tag could be any of two that are filed by digest: then their components must tell", async () => {
        const other = testImage("other release");
        const both = spec(`registry.lab/ocp/release:${tag}`);
        const contents = await readContents(
            {
                ...both,
                tags: [...both.tags, tagged("openshift/release-images", digestHex(other.digest), other)],
                files: { ...both.files, ...releaseFolder(digestHex(other.digest), {}) },
            },
            [{ match: `openshift/release-images:${digestHex(other.digest)}`, registry: "registry.lab" }],
        );
        expect(contents.images.get(`${ocp}@${payload.digest}`)).toBe(payload.digest);
        expect(contents.absent).toEqual([`registry.lab/ocp/release:${tag}`]);
    });
});

describe("an archive of 4.16 or 4.17", () => {
    it("files a release and its components under their own paths", async () => {
        const contents = await readContents({
            tags: [
                tagged("openshift-release-dev/ocp-release", tag, payload),
                tagged("openshift-release-dev/ocp-v4.0-art-dev", `sha256-${digestHex(etcd.digest)}`, etcd),
                tagged("openshift-release-dev/ocp-v4.0-art-dev", digestHex(cli.digest), cli),
            ],
            imageSet: channels,
            files: { ...graph, ...releaseFolder(tag, components, { version: "4.18.20" }) },
        });
        expect(Object.fromEntries(contents.images)).toEqual({
            [`${ocp}:${tag}`]: payload.digest,
            [`${art}@${etcd.digest}`]: etcd.digest,
            [`${art}@${cli.digest}`]: cli.digest,
        });
        expect(contents.cluster?.releases).toEqual({ [`${ocp}:${tag}`]: "4.18.20" });
    });
});

describe("the image of the update graph", () => {
    const image = testImage("graph");
    const spec = { tags: [tagged("openshift/graph-image", "latest", image)], imageSet: channels };

    it("has no upstream: it is named as what was built locally", async () => {
        const contents = await readContents(spec);
        expect([...contents.images]).toEqual([["localhost/openshift/graph-image:latest", image.digest]]);
        expect(contents.cluster?.graphImage).toBe("localhost/openshift/graph-image:latest");
        expect([...(contents.marks ?? [])]).toEqual([["localhost/openshift/graph-image:latest", "rebuilt"]]);
    });

    it("has the name that an override gives it", async () => {
        const override = { match: "openshift/graph-image", registry: "localhost", repository: "updates/graph" };
        const contents = await readContents(spec, [override]);
        expect([...contents.images.keys()]).toEqual(["localhost/updates/graph:latest"]);
        expect(contents.cluster?.graphImage).toBe("localhost/updates/graph:latest");
        expect(contents.notes).toEqual([]);
    });
});
