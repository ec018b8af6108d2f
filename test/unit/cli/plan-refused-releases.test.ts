import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, computeDigest, digestHex } from "../../../lib/oci/digest";
import { PROJECT } from "../../support/stack";

const RELEASE = "quay.io/openshift-release-dev/ocp-release";
const [X64, ARM, INDEX, SIGNATURE] = ["x64", "arm", "index", "signature"].map((text) => computeDigest(text)) as [
    Digest,
    Digest,
    Digest,
    Digest,
];
let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cli releases "));
    const registry = { type: "distribution", mirrorBase: "registry.example:8443/mirror" };
    const site = { registry, content: [{ archive: "/nowhere", lock: "set.lock.json" }] };
    writeFileSync(join(folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
    writeFileSync(join(folder, "Pulumi.s.yaml"), JSON.stringify({ config: { "registry-passthrough:site": site } }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Release {
    readonly image: string;
    readonly version: string;
    readonly digest?: Digest;
    /** Manifests whose signatures came with it. */
    readonly signed?: readonly Digest[];
}

function writeLock(name: string, { image, version, digest = X64, signed = [] }: Release): string {
    const seals = signed.map((one) => [`${image.replace(/:[^/:]*$/, "")}:sha256-${digestHex(one)}.sig`, SIGNATURE]);
    const manifest = { mediaType: "application/vnd.oci.image.manifest.v1+json", size: 10, blobs: [] };
    const index = { mediaType: "application/vnd.oci.image.index.v1+json", size: 10, manifests: [X64, ARM] };
    const lock = {
        lockVersion: 1,
        format: "oci-layout",
        parts: [{ name: "index.json", size: 1 }],
        images: { [image]: digest, ...Object.fromEntries(seals) },
        manifests: { [X64]: manifest, [ARM]: manifest, [INDEX]: index, [SIGNATURE]: manifest },
        blobs: {},
        absent: [],
        earlier: { images: {}, manifests: {}, blobs: {} },
        // Only that of a release: nothing else is to be said about it.
        cluster: { catalogs: [], releases: { [image]: version }, signatures: { [digest]: ["AA=="] } },
    };
    writeFileSync(join(folder, name), JSON.stringify(lock));
    return name;
}

function plan(release: Release, ...args: string[]) {
    writeLock("set.lock.json", release);
    const main = join(PROJECT, "dist/cli/main.js");
    const run = spawnSync(process.execPath, [main, "plan", "--offline", "--stack", "s", ...args], {
        cwd: folder,
        encoding: "utf8",
    });
    return { code: run.status, out: run.stdout, error: run.stderr };
}

const NEWER = { image: `${RELEASE}:4.21.3-x86_64`, version: "4.21.3" };

test("a release of 4.21 without its signature is red in the comment, on stderr and in the exit code, with the fix", () => {
    const markdown = plan(NEWER, "--against", "none", "--markdown");
    expect(markdown.code).toBe(4);
    expect(markdown.out).toMatch(/^### Images of `s`: 1 to add/);
    const block = /\*\*❌ Nodes will refuse a release\*\*\n\n- (.*)\n/.exec(markdown.out)?.[1];
    expect(block).toContain(`${RELEASE}:4.21.3-x86&#95;64`);
    expect(block).toContain("oc-mirror of 4.21 or later (that of 4.19 or 4.20: with --remove-signatures=false)");
    expect(block).toContain("ack-4.20-sigstore-in-4.21");
    expect(markdown.out).not.toContain("**Warnings**");
    expect(markdown.error).toContain("error: no sigstore signature");
    const json = plan(NEWER, "--against", "none", "--json", "--exit-code");
    expect(json.code).toBe(4);
    expect(JSON.parse(json.out)).toMatchObject({
        refusedReleases: [{ ...NEWER, digest: X64 }],
        notes: [],
    });
});

test.each([
    ["with its signature", { ...NEWER, signed: [X64] }],
    ["of 4.20", { image: `${RELEASE}:4.20.9-x86_64`, version: "4.20.9" }],
    ["that no policy covers", { image: "quay.io/okd/scos-release:4.21.0-okd", version: "4.21.0-okd-scos.1" }],
    [
        "for several platforms, each of which is signed",
        { image: `${RELEASE}:4.21.3-multi`, version: "4.21.3", digest: INDEX, signed: [X64, ARM] },
    ],
])("a release %s is not", (_, release) => {
    expect(plan(release, "--against", "none", "--exit-code")).toMatchObject({ code: 3, error: "" });
});

test("a release for several platforms is refused if one of them is not signed, whatever its index has", () => {
    const multi = { image: `${RELEASE}:4.21.3-multi`, version: "4.21.3", digest: INDEX };
    expect(plan({ ...multi, signed: [INDEX, X64] }, "--against", "none")).toMatchObject({ code: 4 });
});

test("a release that was there without a signature is a warning; one that loses it is refused", () => {
    const same = plan(NEWER, "--against", writeLock("before.lock.json", NEWER));
    expect(same).toMatchObject({ code: 0 });
    expect(same.error).toContain("note: no sigstore signature");
    const signed = writeLock("before.lock.json", { ...NEWER, signed: [X64] });
    expect(plan(NEWER, "--against", signed)).toMatchObject({ code: 4 });
});
