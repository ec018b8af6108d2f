import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeArchive, verifyStructure } from "../../../lib/archives";
import type { Override } from "../../../lib/mirror/override";
import type { Digest } from "../../../lib/oci/digest";
import { ArchiveBench, refusal } from "../../support/archives";
import { offeredOverrides } from "../../support/oc-mirror-archive";

const FIXTURES = join(__dirname, "../../fixtures/archives");
const bench = new ArchiveBench();
const folders: string[] = [];
afterEach(async () => {
    await bench.clear();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function describePath(path: string, overrides: readonly Override[] = []) {
    const archive = await bench.open(path);
    const description = await describeArchive(archive, overrides);
    expect(await verifyStructure(archive, description.lock)).toEqual([]);
    return description;
}

const describeFixture = (path: string, overrides: readonly Override[] = []) =>
    describePath(join(FIXTURES, path), overrides);

/** A tar of the fixtures as a folder, with its symbolic links unless they are to be lost. */
function unpack(tar: string, ...flags: readonly string[]): string {
    const folder = mkdtempSync(join(tmpdir(), "unpacked-"));
    folders.push(folder);
    execFileSync("tar", ["-xf", join(FIXTURES, tar), "-C", folder, ...flags]);
    return folder;
}

const RELEASE: Readonly<Record<string, Digest>> = {
    "quay.io/openshift-release-dev/ocp-release:4.18.20-x86_64":
        "sha256:a1abef83203b1501dacd7deb6d4d879af28144bad4c6a0a29a70c1a7d4e071f7",
    "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.18.20-x86_64-cli":
        "sha256:674b015ea9b226070804b53f730d8e49d2c1a03e3fd823fd5dfd3d4ee22b3c21",
    "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.18.20-x86_64-etcd":
        "sha256:8f46fb4015aefdae7b4aee3003595998b06d05b8a62426c690a8cecd499e7c7c",
    "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.18.20-x86_64-installer":
        "sha256:6129de64c24b6f318e55dc63b784368aa23a5979f259a4ecfdfc0795e4144e99",
    "quay.io/openshift-release-dev/ocp-v4.0-art-dev:4.18.20-x86_64-machine-config-operator":
        "sha256:913fe24f89a366aa7a3bbb2fd4e62412413ba37ec1b1a1ff9e4d19417939cb1d",
};
const APP = "sha256:8dbcc7a3e3ac8be79ce0b076dd6435fdccee8b641ba236883aaba7d1b10291cf";
const MULTI = "sha256:a7c7ac7bcbcd2d8ee4a4616ee7b62ccc2084b015269bdabe9d1216be21a45f04";
const BUNDLE = "sha256:605fcd3473e5a06f7546d4d88b8e06dce5c5a5273e5933edf770c2ca748c3905";
const CATALOG: Readonly<Record<string, Digest>> = {
    [`quay.io/team/app@${APP}`]: APP,
    [`quay.io/team/multi@${MULTI}`]: MULTI,
    [`registry.redhat.io/acme/acme-bundle@${BUNDLE}`]: BUNDLE,
    "registry.redhat.io/acme/acme-operator-index:v4.18":
        "sha256:8455fc2aed8f165aee83d3ef64d025df2504c97f1ef23f8fb75a5bf63a3c3199",
};

test("hauler store save: a referrer has the names of its subject, and goes with it by digest", async () => {
    const { lock } = await describeFixture("hauler/with-referrer.tar.zst");
    const image = "sha256:3e0830d872d9116685528c3093135dc7b0cd24f8311a7d55bf741b61e4cbd5f8";
    const referrer = "sha256:ebc18ee72771ff7e5310ad6dade2488f17b2ec1eff083785e7acb7590d2520a6";
    const tag = image.replace(":", "-");
    expect(lock.images).toEqual({
        "quay.io/team/signed:1.0": image,
        [`quay.io/team/signed:${tag}.att`]: "sha256:4a331b02c1ef222bdea24bfcc25a024abbdacdd87bb112ab1bfdf50a0b090243",
        [`quay.io/team/signed:${tag}.sig`]: "sha256:4c283f5e4476172f7f8a64e20137dfbb0988e79ce614efe79602ea28888132aa",
        [`quay.io/team/signed@${referrer}`]: referrer,
    });
    expect(lock.format).toBe("hauler");
    expect(lock).not.toHaveProperty("marks");
});

test("a lock of an earlier release calls Hauler's store a docker-archive: it still is of that store", async () => {
    const { lock } = await describeFixture("hauler/by-digest.tar.zst");
    const archive = await bench.open(join(FIXTURES, "hauler/by-digest.tar.zst"));
    for (const format of ["docker-archive", "oci-layout", "hauler"] as const) {
        expect(await verifyStructure(archive, { ...lock, format })).toEqual([]);
    }
    expect(await verifyStructure(archive, { ...lock, format: "dir" })).toEqual([
        {
            name: "the archive",
            problem: { code: "ARCHIVE_LOCK_MISMATCH", problem: "it is hauler, the lock is of dir" },
        },
    ]);
});

describe("oc adm release mirror --to-dir", () => {
    it("is named by the image-references in its release image, in a tar and in a folder", async () => {
        for (const path of [join(FIXTURES, "oc/release-mirror.tar"), unpack("oc/release-mirror.tar")]) {
            const { lock, notes } = await describePath(path);
            expect(lock.images).toEqual(RELEASE);
            expect(lock.cluster?.releases).toEqual({
                "quay.io/openshift-release-dev/ocp-release:4.18.20-x86_64": "4.18.20",
            });
            expect(notes).toEqual([]);
        }
    });

    it("does not get names that no cluster asks for from an override for the repository that oc made", async () => {
        const match = "openshift/release";
        const sameHost = await describeFixture("oc/release-mirror.tar", [{ match, registry: "quay.io" }]);
        expect(sameHost.lock.images).toEqual(RELEASE);
        const override = { match, registry: "quay.io", repository: match };
        const error = await refusal(describeFixture("oc/release-mirror.tar", [override]));
        expect(error.message).toContain("the archive proves by digest that it is quay.io/openshift-release-dev/");
    });

    it("asks for two repositories where the release image cannot be read; what it offers leads to the right lock", async () => {
        const folder = unpack("oc/release-mirror.tar", "--exclude", "*aacb5b2563cd*");
        const archive = await bench.open(folder);
        const error = await refusal(archive.contents([]));
        const offered = offeredOverrides(error, (match) => ({
            "upstream host": "quay.io",
            "repository there": `openshift-release-dev/${match.endsWith("-*") ? "ocp-v4.0-art-dev" : "ocp-release"}`,
        }));
        expect(offered.map(({ match }) => match)).toEqual([
            "openshift/release:4.18.20-x86_64",
            "openshift/release:4.18.20-x86_64-*",
        ]);
        expect(Object.fromEntries((await archive.contents(offered)).images)).toEqual(RELEASE);
    });
});

describe("oc adm catalog mirror file://", () => {
    it("is named by the mapping.txt beside it, in a tar and in a folder; oc's own tags are none of upstream's", async () => {
        for (const path of [join(FIXTURES, "oc/catalog-mirror.tar"), unpack("oc/catalog-mirror.tar")]) {
            const { lock, notes } = await describePath(path);
            expect(lock.images).toEqual(CATALOG);
            expect(lock.cluster?.catalogs).toEqual(["registry.redhat.io/acme/acme-operator-index:v4.18"]);
            expect(notes).toEqual([]);
        }
    });

    it("without links too, since the mapping has the digests; only the catalog itself is asked for", async () => {
        const folder = unpack("oc/catalog-mirror.tar", "--exclude", "v4.18", "--exclude", "dcad5b3e");
        const error = await refusal(describePath(folder));
        const offered = offeredOverrides(error, {
            "upstream host": "registry.redhat.io",
            "tag there": "v4.18",
        });
        expect(offered).toHaveLength(1);
        const withRepository = offered.map((override) => ({ ...override, repository: "acme/acme-operator-index" }));
        expect((await describePath(folder, withRepository)).lock.images).toEqual(CATALOG);
    });
});

describe("oc image mirror file:// copied without its symbolic links", () => {
    const tags: Readonly<Record<string, string>> = { "library/nginx": "1.27", "team/app": "1.0", "team/v2s2": "1" };
    const path = "oc/image-mirror-without-links";

    it("asks for the tags too, and says how they were lost; what it offers leads to the right lock", async () => {
        const error = await refusal(describeFixture(path));
        expect(error.fix).toContain("copy the folder again with its symbolic links followed (cp -rL) or in a tar");
        const offered = offeredOverrides(error, (match) => ({
            "upstream host": match === "library/nginx" ? "docker.io" : "quay.io",
            "tag there": tags[match] ?? "",
        }));
        const { lock, notes } = await describeFixture(path, offered);
        expect(Object.keys(lock.images)).toEqual([
            "docker.io/library/nginx:1.27",
            "quay.io/team/app:1.0",
            "quay.io/team/v2s2:1",
        ]);
        expect(notes).toEqual([]);
    });

    it("and a note names the images whose tags are lost where an override gives none", async () => {
        const { notes } = await describeFixture(path, [
            { match: "team/**", registry: "quay.io" },
            { match: "library/**", registry: "docker.io", tag: "1.27" },
        ]);
        expect(notes).toEqual([
            expect.stringMatching(
                /^2 images have no tag in the archive, .*: team\/app@sha256:8dbc\w+, team\/v2s2@.*cp -rL/,
            ),
        ]);
    });
});

describe("OCI layouts side by side", () => {
    it("have the names of the folders they lie in, as people give them to ocidir://", async () => {
        const { lock } = await describeFixture("regctl/side-by-side");
        expect(Object.keys(lock.images)).toEqual([
            "quay.io/team/app:1.0",
            "quay.io/team/app:1.1",
            "registry.redhat.io/team/app:1.0",
        ]);
    });

    it("and where folders do not say it, each gets an override that means no other", async () => {
        const paths = ["quay.io", "registry.redhat.io"].map((host) =>
            join(FIXTURES, "regctl/side-by-side", host, "team/app"),
        );
        const archive = await bench.open(paths);
        const error = await refusal(archive.contents([]));
        const hosts: Readonly<Record<string, string>> = {
            [APP]: "quay.io",
            "1.1": "quay.io",
            "sha256:14181c54e5df115d9fc1772913bcaebfc69c84d6edcb2b585222be163ae92cc8": "registry.redhat.io",
        };
        const offered = offeredOverrides(error, (match) => ({
            "upstream host": hosts[match] ?? "",
            "repository there": "team/app",
        }));
        expect(offered.map(({ match }) => match)).toEqual(Object.keys(hosts));
        const { images } = await archive.contents(offered);
        expect(images).toEqual((await (await bench.open(join(FIXTURES, "regctl/side-by-side"))).contents([])).images);
    });
});

describe("docker save of Docker 29", () => {
    const names = ["quay.io/team/app:1.0", "quay.io/team/multi:2.0", "quay.io/team/v2s2:1.0"];

    it("keeps upstream's digests with containerd's store; platforms that were not pulled are left out", async () => {
        const { lock, notes } = await describeFixture("docker/containerd-store.tar");
        expect(lock.images).toEqual({
            "quay.io/team/app:1.0": "sha256:c768be6ea25b4e206173dde90da321e0d94a63a56c2735de20e43274e8ff5b65",
            "quay.io/team/multi:2.0": "sha256:0fbbbcc1a0502fb48817acf56319898737562182686b569c64d001e01c99d420",
            "quay.io/team/v2s2:1.0": "sha256:3592efbc50a400f6ab8b5b2a0b9ffe0e4928d2d301c586f09862e0e910c1faa9",
        });
        expect(lock).not.toHaveProperty("marks");
        expect(notes).toContain(
            "quay.io/team/multi:2.0: of its index, 1 manifests are left out (a selection of platforms)",
        );
    });

    it("loses them with a graph driver, though its tar is an OCI layout too: the images are known by tag", async () => {
        const { lock } = await describeFixture("docker/graph-driver.tar");
        expect(Object.keys(lock.images)).toEqual(names);
        expect(Object.keys(lock.marks ?? {})).toEqual(names);
        expect(new Set(Object.values(lock.nameSources ?? {}).map(({ from }) => from))).toEqual(new Set(["repo-tags"]));
    });
});

test("oras copy --to-oci-layout: of an index and the children that it lists beside it, one name is asked for", async () => {
    const error = await refusal(describeFixture("oras/index"));
    const offered = offeredOverrides(error, { "upstream host": "quay.io", "repository there": "team/multi" });
    expect(offered).toEqual([{ match: "2.0", registry: "quay.io", repository: "team/multi" }]);
    const { lock } = await describeFixture("oras/index", offered);
    expect(lock.images).toEqual({ "quay.io/team/multi:2.0": MULTI });
});

test("podman save --format oci-archive by digest: skopeo is named, and an override with a tag makes it tag-only", async () => {
    const path = "podman/oci-by-digest.tar";
    const error = await refusal(describeFixture(path));
    expect(error.fix).toContain("skopeo copy --all --preserve-digests docker://ghcr.io/org/tool@sha256:0fcc");
    const { lock, notes } = await describeFixture(path, offeredOverrides(error, { "tag there": "3.1" }));
    expect(Object.keys(lock.images)).toEqual(["ghcr.io/org/tool:3.1"]);
    expect(lock.marks).toEqual({ "ghcr.io/org/tool:3.1": "tag-only" });
    expect(notes.join()).toContain("1 image is known by tag only");
    const byName = [{ match: "ghcr.io/org/tool@**", registry: "ghcr.io", tag: "3.1" }];
    expect((await refusal(describeFixture(path, byName))).message).toContain("for the digest at hand needs a tag");
});
