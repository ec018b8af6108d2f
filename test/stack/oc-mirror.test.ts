import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { digestHex } from "../../lib/oci/digest";
import { ArchiveBench, ocMirrorEntries, tar, testImage } from "../support/archives";
import { graphFile, releaseFolder, signatureFile, signedMessage } from "../support/oc-mirror-working-dir";
import { stored } from "../support/registry-process";
import { FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

const bench = new ArchiveBench();
let site: TestSite;

afterEach(async () => {
    await site.remove();
    await bench.clear();
});

const readFolder = (folder: string) =>
    readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(join(folder, name), "utf8")]);
const documents = (yaml: unknown): unknown[] =>
    parseAllDocuments(String(yaml)).map((document) => document.toJS() as unknown);

test("a release, operators and additional images of oc-mirror are one site: proven, with all that a cluster takes", async () => {
    site = await TestSite.create(...["with-mapping", "release", "operators"].map((name) => join(FIXTURES, name)));
    const offline = join(site.folder, "offline");
    const rendered = await site.stack.passthrough("render", "--offline", "--out", offline);
    expect(rendered).toMatchObject({ code: 0 });
    expect(rendered.error).toContain("the pull secret is left out");
    expect(rendered.error).toContain("note: no signature came with");
    const comment = await site.stack.passthrough("plan", "--offline", "--markdown");
    expect(comment.out).toMatch(/^- no signature came with quay\.io\/openshift-release-dev/m);
    expect(comment.out).toMatch(/^- 1 image was rebuilt by the mirroring tool/m);
    const run = await site.stack.up();
    expect(run).toMatchObject({ code: 0 });
    expect(run.text).toContain("no signature came with quay.io/openshift-release-dev/ocp-release:4.18.20-x86_64");
    expect(run.text).toContain("1 image was rebuilt by the mirroring tool");

    const mirror = `${site.registry.host}/mirror`;
    const outputs = await site.stack.outputs();
    const art = "quay.io/openshift-release-dev/ocp-v4.0-art-dev";
    expect(outputs["images"]).toMatchObject({
        [`${art}:4.18.20-x86_64-etcd`]: { mirror: `${mirror}/${art}:4.18.20-x86_64-etcd` },
        "registry.redhat.io/acme/acme-operator-index:v4.18": {
            mirror: `${mirror}/registry.redhat.io/acme/acme-operator-index:v4.18`,
            mark: "rebuilt",
        },
    });
    expect(outputs["validation"]).toMatchObject({ status: "proven", images: 12, failing: [] });
    expect(documents(outputs["catalogSources"])).toMatchObject([
        {
            metadata: { name: "cs-acme-operator-index-v4-18", namespace: "openshift-marketplace" },
            spec: { image: `${mirror}/registry.redhat.io/acme/acme-operator-index:v4.18` },
        },
    ]);
    expect(documents(outputs["clusterCatalogs"])).toMatchObject([
        { metadata: { name: "cc-acme-operator-index-v4-18" } },
    ]);
    expect(documents(outputs["operatorHub"])).toMatchObject([{ spec: { disableAllDefaultSources: true } }]);
    expect(outputs).toMatchObject({ releaseSignatures: "", updateService: "" });

    const files = join(site.folder, "files");
    expect(await site.stack.render(files)).toMatchObject({ code: 0 });
    expect(readFolder(offline)).toEqual(readFolder(files));
    expect(readFileSync(join(files, "catalog-sources.yaml"), "utf8")).toBe(outputs["catalogSources"]);
    expect(readdirSync(files).sort()).toEqual([
        ".rendered-test",
        "ca.crt",
        "catalog-sources.yaml",
        "cluster-catalogs.yaml",
        "mirror-rules.yaml",
        "operator-hub.yaml",
        "registries.conf",
    ]);

    site.registry.forget();
    expect(await site.stack.up("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(site.registry.writes()).toEqual([]);
});

test("a release of a channel comes with its signature and the update graph, which has no upstream and no rule", async () => {
    const [payload, etcd, graph] = [testImage("payload"), testImage("etcd"), testImage("graph")];
    const tag = "4.20.1-x86_64";
    const ocp = "quay.io/openshift-release-dev/ocp-release";
    const message = signedMessage(`${ocp}:${tag}`, payload.digest);
    const entries = ocMirrorEntries({
        tags: [
            { repository: "openshift/release-images", tag, image: payload },
            { repository: "openshift/release", tag: `${tag}-etcd`, image: etcd },
            { repository: "openshift/graph-image", tag: "latest", image: graph },
        ],
        imageSet: "mirror:\n  platform:\n    graph: true\n    channels: [{name: stable-4.20}]\n",
        files: {
            ...graphFile({ "4.20.1": `${ocp}@${payload.digest}` }),
            ...releaseFolder(tag, { etcd: `quay.io/openshift-release-dev/ocp-v4.0-art-dev@${etcd.digest}` }),
            ...signatureFile(tag, payload.digest, message),
        },
    });
    site = await TestSite.create(await bench.folder({ "mirror_000001.tar": tar(entries) }));
    const run = await site.stack.up();
    expect(run).toMatchObject({ code: 0 });
    expect(run.text).not.toContain("no signature came");

    const outputs = await site.stack.outputs();
    expect(outputs["validation"]).toMatchObject({ status: "proven", images: 3, failing: [] });
    expect(stored(site.registry, graph.digest)).toEqual(graph.manifest);
    expect(outputs["mirrorRules"]).not.toContain("localhost/openshift");
    expect(outputs["mirrorRules"]).not.toMatch(/source: localhost/);
    expect(documents(outputs["releaseSignatures"])).toMatchObject([
        { binaryData: { [`sha256-${digestHex(payload.digest)}-1`]: message.toString("base64") } },
    ]);
    const mirror = `${site.registry.host}/mirror`;
    expect(documents(outputs["updateService"])).toMatchObject([
        {
            spec: {
                releases: `${mirror}/${ocp}`,
                graphDataImage: `${mirror}/localhost/openshift/graph-image@${graph.digest}`,
            },
        },
    ]);
    const files = join(site.folder, "files");
    expect(await site.stack.render(files)).toMatchObject({ code: 0 });
    const offline = join(site.folder, "offline");
    expect(await site.stack.passthrough("render", "--offline", "--out", offline)).toMatchObject({ code: 0 });
    expect(readFolder(offline)).toEqual(readFolder(files));
    expect(existsSync(join(files, "update-service.yaml"))).toBe(true);
    expect(existsSync(join(files, "catalog-sources.yaml"))).toBe(false);
});
