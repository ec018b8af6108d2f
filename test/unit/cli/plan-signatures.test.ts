import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, digestHex } from "../../../lib/oci/digest";
import { INDEX, SignedLayout } from "../../support/signed-layout";
import { signingKey } from "../../support/signing-key";
import { PROJECT } from "../../support/stack";

const APP = "quay.io/team1/app";
const [KEY, OTHER] = [signingKey(), signingKey()];
let folder: string;

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
    const layout = new SignedLayout(join(folder, "archive"));
    const [signed, foreign, unsigned] = ["signed", "foreign", "unsigned"].map((text) => layout.image(text));
    if (signed === undefined || foreign === undefined || unsigned === undefined) throw new Error("no images");
    layout.add(`${APP}:1`, signed);
    layout.sign(APP, signed.digest, KEY);
    layout.add(`${APP}:2`, foreign);
    layout.sign(APP, foreign.digest, OTHER);
    layout.add(`${APP}:3`, unsigned);
    layout.add("docker.io/library/other:1", layout.image("other"));
    const children = ["amd64", "arm64"].map((architecture) => ({
        ...layout.image(architecture),
        platform: { os: "linux", architecture },
    }));
    const index = { schemaVersion: 2, mediaType: INDEX, manifests: children };
    layout.add(`${APP}:multi`, layout.blob(INDEX, JSON.stringify(index)));
    for (const { digest } of children.slice(0, 1)) layout.sign(APP, digest, KEY);
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
