import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { computeDigest } from "../../lib/oci/digest";
import { PROJECT } from "../support/stack";

jest.setTimeout(1_200_000);

interface Outputs {
    readonly mirrorBase: string;
    readonly images: Readonly<Record<string, { mirror: string; digest: string }>>;
}

/** skopeo with a home of its own: nothing of this machine's container settings is read. */
const home = mkdtempSync(join(tmpdir(), "skopeo home "));
const conf = join(PROJECT, "out/dev/registries.conf");
const auth = join(home, "auth.json");
let outputs: Outputs;

function run(command: string, args: string[]): string {
    return execFileSync(command, args, { cwd: PROJECT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

function skopeo(reference: string, authFile = auth): { status: number | null; bytes: Buffer; log: string } {
    const args = [
        "--debug",
        "--registries-conf",
        conf,
        "inspect",
        "--raw",
        "--authfile",
        authFile,
        `docker://${reference}`,
    ];
    const { status, stdout, stderr } = spawnSync("skopeo", args, { env: { PATH: process.env.PATH, HOME: home } });
    return { status, bytes: stdout, log: stderr.toString("utf8") };
}

beforeAll(() => {
    run("npm", ["run", "-s", "quickstart"]);
    outputs = JSON.parse(run("npm", ["run", "-s", "pulumi", "--", "stack", "output", "--json"])) as Outputs;
    writeFileSync(auth, run("npm", ["run", "-s", "pulumi", "--", "stack", "output", "pullSecret", "--show-secrets"]));
    const certs = join(home, ".config/containers/certs.d", outputs.mirrorBase.split("/")[0] ?? "");
    mkdirSync(certs, { recursive: true });
    writeFileSync(join(certs, "ca.crt"), readFileSync(join(PROJECT, "out/dev/ca.crt")));
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

test("the rules forbid every upstream, so whatever comes back comes from the mirror", () => {
    const blocks = readFileSync(conf, "utf8").match(/^\[\[registry\]\]$/gm) ?? [];
    const blocked = readFileSync(conf, "utf8").match(/^blocked = true$/gm) ?? [];
    expect(blocks.length).toBeGreaterThan(0);
    expect(blocked).toHaveLength(blocks.length);
});

test("skopeo gets every image under its upstream name, by digest and by tag, with the right bytes, from the mirror", () => {
    expect(Object.keys(outputs.images)).toHaveLength(6);
    for (const [source, { digest, mirror }] of Object.entries(outputs.images)) {
        const repository = source.replace(/@.*$|:[^:/]*$/, "");
        const references = [`${repository}@${digest}`, ...(source.includes("@") ? [] : [source])];
        for (const reference of references) {
            const { status, bytes, log } = skopeo(reference);
            expect({ reference, status, log: status === 0 ? "" : log }).toEqual({ reference, status: 0, log: "" });
            expect(computeDigest(bytes)).toBe(digest);
            const asked = [...log.matchAll(/Trying to access \\?"([^"\\]+)/g)].map(([, name]) => name);
            expect(asked).toEqual([reference.includes("@") ? `${mirror.replace(/[:@][^/]*$/, "")}@${digest}` : mirror]);
        }
    }
});

test("what the mirror lacks is refused, since the upstream is blocked; without the pull secret nothing is given", () => {
    const unknown = skopeo(`quay.io/team0/app0@sha256:${"0".repeat(64)}`);
    expect(unknown.status).not.toBe(0);
    expect(unknown.log).toContain("is blocked");
    const empty = join(home, "empty.json");
    writeFileSync(empty, "{}");
    const nobody = skopeo(Object.keys(outputs.images)[0] ?? "", empty);
    expect(nobody.status).not.toBe(0);
    expect(nobody.log).toMatch(/unauthorized|authentication required/i);
});
