import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandSite } from "../support/command-site";
import { AMID_UPLOADS, PausingProxy } from "../support/pausing-proxy";

jest.setTimeout(120_000);

let site: CommandSite;

afterEach(async () => {
    // Whatever a test made a command say: no form of the password may be in it.
    for (const form of site.secretForms()) expect(site.said).not.toContain(form);
    await site.remove();
});

interface PlanDocument {
    readonly bytes: number;
    readonly uploads: number;
    readonly mounts: number;
    readonly sets: readonly {
        readonly name: string;
        readonly bytes: number;
        readonly images: readonly { readonly source: string; readonly state: string; readonly bytes: number }[];
    }[];
}

const readStates = ({ sets }: PlanDocument) => sets.flatMap(({ images }) => images.map(({ state }) => state));
const jsonLines = (text: string) =>
    text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);

test("plan says exactly what import then sends; after it nothing is left to do, and verify proves every byte", async () => {
    site = await CommandSite.create("with-mapping");
    const before = await site.run("plan", "--json");
    expect(before).toMatchObject({ code: 0, error: "" });
    const plan = JSON.parse(before.out) as PlanDocument;
    expect(readStates(plan)).toEqual(Array(6).fill("push"));
    expect(plan.sets[0]?.images.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(plan.bytes);
    expect(site.registry.writes()).toEqual([]);
    expect(await site.run("plan", "--exit-code")).toMatchObject({ code: 3 });

    const imported = await site.run("import", "--json");
    expect(imported).toMatchObject({ code: 0 });
    const events = jsonLines(imported.out);
    expect(events[0]).toMatchObject({ event: "planned", set: "set1", bytes: plan.bytes });
    expect(events.at(-1)).toMatchObject({
        ...{ event: "finished", set: "set1", done: 6, failed: 0 },
        sent: { bytes: plan.bytes, uploads: plan.uploads, mounts: plan.mounts },
    });

    const after = await site.run("plan", "--exit-code", "--json");
    expect(after).toMatchObject({ code: 0 });
    expect(JSON.parse(after.out)).toMatchObject({ bytes: 0, uploads: 0, mounts: 0 });
    const verified = await site.run("verify", "--bytes", "--json");
    expect(verified).toMatchObject({ code: 0 });
    const proof = JSON.parse(verified.out) as { whole: unknown[] };
    expect(proof).toMatchObject({ status: "proven", images: 6, manifests: 8, failing: [] });
    expect(proof.whole).toHaveLength(6);
});

test("for people, each image is a line, and so is what came of a set", async () => {
    site = await CommandSite.create("with-mapping");
    const plan = await site.run("plan");
    expect(plan.out).toMatch(
        /^set1: 6 images: 0 present, 6 to push, 0 tag only, 0 blocked; \S+ kB \(\d+ bytes\) to send: /,
    );
    expect(plan.out).toMatch(/\+ quay\.io\/team0\/app0:v1: push, \d+ blobs to upload, \d+ to mount, \S+ k?B/);
    const imported = await site.run("import");
    expect(imported).toMatchObject({ code: 0 });
    expect(imported.out).toMatch(
        /^set1: 6 of 6 images are in the registry: \S+ kB sent in \d+ blobs, \d+ blobs mounted\n$/,
    );
    expect((await site.run("plan")).out).toContain("= quay.io/team0/app0:v1: present");
    const verified = await site.run("verify");
    expect(verified.out).toMatch(/^6 of 6 images proven: 8 manifests, \d+ blobs; 3 images read whole/);
    expect(verified.error).toContain("pulling as pusher, from the environment (REGISTRY_PASSTHROUGH_USERNAME)");
});

test("a later set is planned as if the ones before it were there, and what is sent is what was said", async () => {
    site = await CommandSite.create("incremental/1", "incremental/2");
    const before = await site.run("plan", "--json");
    expect(before).toMatchObject({ code: 0 });
    const plan = JSON.parse(before.out) as PlanDocument;
    expect(readStates(plan)).not.toContain("blocked");
    const imported = await site.run("import", "--json");
    expect(imported).toMatchObject({ code: 0 });
    const sent = jsonLines(imported.out)
        .filter(({ event }) => event === "finished")
        .map((event) => event.sent as { bytes: number });
    expect(sent.map(({ bytes }) => bytes)).toEqual(plan.sets.map(({ bytes }) => bytes));
    expect(await site.run("verify", "--bytes")).toMatchObject({ code: 0 });
});

test("an image that is blocked is named with the fix, in the plan and by the import, and the rest is in", async () => {
    site = await CommandSite.create("incremental/2");
    const plan = await site.run("plan");
    expect(plan.code).toBe(65);
    const problem =
        /! EARLIER_CONTENT_MISSING at \S+: \S+ sha256:\w+.*: it is not at the registry and not in this archive; import the earlier archive first \(4 images: .*quay\.io\/team0\/app0:v1/;
    expect(plan.out).toMatch(problem);
    const imported = await site.run("import");
    expect(imported.code).toBe(65);
    expect(imported.out).toMatch(problem);
    expect(imported.out).toMatch(/set1: \d of \d images are in/);
});

test("verify names what the registry lost or holds wrong bytes of; import heals what is missing", async () => {
    site = await CommandSite.create("with-mapping");
    await site.run("import");
    rmSync(site.registry.storage("repositories", "mirror/quay.io/team0/app0/_manifests/tags/v1"), { recursive: true });
    const lost = await site.run("verify", "--json");
    expect(lost.code).toBe(1);
    expect(JSON.parse(lost.out)).toMatchObject({
        status: "failing",
        failing: [{ source: "quay.io/team0/app0:v1", problem: expect.stringContaining("it is missing") as string }],
    });
    const plan = await site.run("plan");
    expect(plan.out).toContain("t quay.io/team0/app0:v1: tag only");
    expect(await site.run("import")).toMatchObject({ code: 0 });
    expect(await site.run("verify")).toMatchObject({ code: 0 });

    const layer = site.largestBlob();
    const file = site.registry.storage("blobs", "sha256", layer.slice(7, 9), layer.slice(7), "data");
    const bytes = readFileSync(file);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const flipped = await site.run("verify", "--bytes");
    expect(flipped.code).toBe(1);
    expect(flipped.out).toContain(`@${layer}: it has other bytes`);
});

test("Ctrl-C ends an import in good order: it says what is safe, and the next one sends the rest", async () => {
    site = await CommandSite.create("with-mapping");
    const proxy = await PausingProxy.start(site.registry.port, AMID_UPLOADS);
    try {
        site.configure({ mirrorBase: `${proxy.host}/mirror` });
        const { child, done } = site.start("import", "--json");
        await proxy.paused;
        child.kill("SIGINT");
        const ended = await done;
        expect(ended.code).toBe(130);
        expect(ended.error).toMatch(
            /interrupted by SIGINT; \d of 6 images of set1 are safe in the registry; run again/,
        );
        proxy.resume();
        expect(await site.run("import")).toMatchObject({ code: 0 });
        expect(await site.run("verify", "--bytes")).toMatchObject({ code: 0 });
    } finally {
        await proxy.stop();
    }
});

test("the account comes from an auth file too; one that others can read is told; none at all says how", async () => {
    site = await CommandSite.create("with-mapping");
    const file = site.authFile();
    expect(await site.runBare("import", "--authfile", file)).toMatchObject({ code: 0, error: "" });
    const verified = await site.runBare("verify", "--authfile", file);
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.error).toContain(`pulling as pusher, from ${file}`);
    chmodSync(file, 0o644);
    const open = await site.runBare("plan", "--authfile", file);
    expect(open).toMatchObject({ code: 0 });
    expect(open.error).toContain("can be read by others (mode 0644)");
    const nobody = await site.runBare("plan");
    expect(nobody.code).toBe(78);
    expect(nobody.error).toContain(`there is no account that pushes to ${site.registry.host}/mirror`);
});

test("a refused account, an unknown CA, a registry that is down and a broken archive fail with their fixes, and no secret", async () => {
    site = await CommandSite.create("with-mapping");
    const refused = await site.runAs({ username: "pusher", password: "another-canary-77aa" }, "plan");
    expect(refused.code).toBe(78);
    expect(refused.error).toContain(
        `UNAUTHORIZED (401) at ${site.registry.host}: GET /v2/: the registry rejected the account pusher (pusher is ` +
            "from the environment (REGISTRY_PASSTHROUGH_USERNAME)); set REGISTRY_PASSTHROUGH_USERNAME and REGISTRY_PASSTHROUGH_PASSWORD",
    );
    expect(refused.error).not.toContain("another-canary-77aa");
    expect(refused.error).not.toContain("registryPassword");
    writeFileSync(join(site.folder, "set1", "mirror_000001.tar"), "short");
    const broken = await site.run("import");
    expect(broken.code).toBe(65);
    expect(broken.error).toContain("mirror_000001.tar");
    site.configure({ ca: undefined });
    const untrusted = await site.run("verify");
    expect(untrusted.code).toBe(78);
    expect(untrusted.error).toContain("site.registry.ca");
    site.configure({});
    await site.registry.kill();
    for (const command of ["plan", "import", "verify"]) {
        const down = await site.run(command);
        expect(down.code).toBe(75);
        expect(down.error).toMatch(new RegExp(`NETWORK at ${site.registry.host}: .*: no connection`));
        expect(down.error).not.toContain("resumes from here");
    }
});

test("every command has its help; unknown commands, options and arguments are wrong usage", async () => {
    site = await CommandSite.create();
    for (const command of ["lock", "plan", "import", "verify", "render", "selftest"]) {
        const help = await site.run(command, "--help");
        expect(help).toMatchObject({ code: 0, error: "" });
        expect(help.out).toMatch(new RegExp(`^Usage: npm run -s passthrough -- ${command} `));
        expect(help.out).toContain("--json");
        expect(await site.run(command, "--no-such-option")).toMatchObject({ code: 2, out: "" });
        if (command !== "lock") expect(await site.run(command, "word")).toMatchObject({ code: 2, out: "" });
    }
    expect(await site.run("improt")).toMatchObject({ code: 2, out: "" });
    expect(await site.run()).toMatchObject({ code: 2, out: "" });
});
