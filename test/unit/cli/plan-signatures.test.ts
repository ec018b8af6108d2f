import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, computeDigest, digestHex } from "../../../lib/oci/digest";
import { cosignPayload, signatureLayer } from "../../support/signed-registry";
import { signingKey } from "../../support/signing-key";
import { PROJECT } from "../../support/stack";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";
const APP = "quay.io/team1/app";
const [KEY, OTHER] = [signingKey(), signingKey()];
let folder: string;

/** An OCI layout whose images are named as Hauler, nerdctl and others name them. */
class Layout {
    private readonly manifests: object[] = [];

    constructor(private readonly path: string) {
        mkdirSync(join(path, "blobs/sha256"), { recursive: true });
    }

    blob(mediaType: string, text: string | Buffer, more: object = {}) {
        const digest = computeDigest(text);
        writeFileSync(join(this.path, "blobs/sha256", digestHex(digest)), text);
        return { mediaType, digest, size: Buffer.byteLength(text), ...more };
    }

    manifest(layers: readonly object[]) {
        const config = this.blob("application/vnd.oci.image.config.v1+json", '{"os":"linux","architecture":"amd64"}');
        return this.blob(MANIFEST, JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
    }

    image(text: string) {
        return this.manifest([this.blob("application/vnd.oci.image.layer.v1.tar", text)]);
    }

    sign(digest: Digest, key = KEY, name = APP): void {
        const { payload, annotations } = signatureLayer(key, cosignPayload(digest, name));
        this.add(
            `${name}:sha256-${digestHex(digest)}.sig`,
            this.manifest([this.blob(SIMPLE_SIGNING, payload, { annotations })]),
        );
    }

    add(name: string, descriptor: object): void {
        this.manifests.push({ ...descriptor, annotations: { "io.containerd.image.name": name } });
        const index = { schemaVersion: 2, mediaType: INDEX, manifests: this.manifests };
        writeFileSync(join(this.path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
        writeFileSync(join(this.path, "index.json"), JSON.stringify(index));
    }
}

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cli signatures "));
    const rootOfTrust = { policyType: "PublicKey", publicKey: { keyFile: "team1.pub" } };
    const site = {
        registry: { type: "distribution", mirrorBase: "registry.example:8443/mirror" },
        content: [{ archive: join(folder, "archive"), lock: "set.lock.json" }],
        signatures: {
            team1: {
                scopes: ["quay.io/team1"],
                policy: { rootOfTrust, signedIdentity: { matchPolicy: "MatchRepository" } },
            },
        },
    };
    writeFileSync(join(folder, "team1.pub"), KEY.publicKey);
    writeFileSync(join(folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
    writeFileSync(join(folder, "Pulumi.s.yaml"), JSON.stringify({ config: { "registry-passthrough:site": site } }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]) {
    const main = join(PROJECT, "dist/cli/main.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args, "--stack", "s"], {
        cwd: folder,
        encoding: "utf8",
    });
    return { code: status, out: stdout, error: stderr };
}

/** An image for two platforms and others, each signed or not. */
function writeArchive(): void {
    const layout = new Layout(join(folder, "archive"));
    const [signed, foreign, unsigned] = ["signed", "foreign", "unsigned"].map((text) => layout.image(text));
    if (signed === undefined || foreign === undefined || unsigned === undefined) throw new Error("no images");
    layout.add(`${APP}:1`, signed);
    layout.sign(signed.digest);
    layout.add(`${APP}:2`, foreign);
    layout.sign(foreign.digest, OTHER);
    layout.add(`${APP}:3`, unsigned);
    layout.add("docker.io/library/other:1", layout.image("other"));
    const children = ["amd64", "arm64"].map((architecture) => ({
        ...layout.image(architecture),
        platform: { os: "linux", architecture },
    }));
    const index = { schemaVersion: 2, mediaType: INDEX, manifests: children };
    layout.add(`${APP}:multi`, layout.blob(INDEX, JSON.stringify(index)));
    for (const { digest } of children.slice(0, 1)) layout.sign(digest);
}

test("signatures in an archive are judged before the push as nodes judge them after it", () => {
    writeArchive();
    expect(run("lock")).toMatchObject({ code: 0 });
    const { code, out } = run("plan", "--signatures");
    expect(code).toBe(4);
    expect(out).toContain(`${APP}:1: signed by team1; nodes accept it (policy team1)\n`);
    expect(out).toMatch(
        /! quay\.io\/team1\/app:2: signed by none of the keys; .*\n.*not signed with the key of the policy/,
    );
    expect(out).toContain(`! ${APP}:3: not signed; nodes of 4.20 and later refuse it\n`);
    expect(out).toMatch(
        /! quay\.io\/team1\/app:multi: not signed;.*\n.*on linux\/arm64, policy team1: it is not signed\n/,
    );
    expect(out).not.toContain("docker.io/library/other");
    expect(out).not.toContain(".sig:");
    const json = JSON.parse(run("plan", "--signatures", "--json").out) as {
        signatures: { images: { nodes: string }[] };
    };
    expect(json.signatures.images.map(({ nodes }) => nodes).sort()).toEqual(["accept", "refuse", "refuse", "refuse"]);
});

test("a set whose archive is not here is said to be not checked; one that is damaged is an error", () => {
    writeArchive();
    expect(run("lock")).toMatchObject({ code: 0 });
    const lock = JSON.parse(readFileSync(join(folder, "set.lock.json"), "utf8")) as { images: Record<string, Digest> };
    const signature = Object.entries(lock.images).find(([name]) => name.endsWith(".sig"))?.[1] ?? "";
    writeFileSync(join(folder, "archive/blobs/sha256", digestHex(signature)), "damaged");
    expect(run("plan", "--signatures")).toMatchObject({
        code: 65,
        error: expect.stringContaining("ARCHIVE_") as string,
    });
    rmSync(join(folder, "archive"), { recursive: true });
    const absent = run("plan", "--signatures");
    expect(absent.code).toBe(0);
    expect(absent.error).toContain("note: set: its archive is not here, so its signatures are not checked");
});
