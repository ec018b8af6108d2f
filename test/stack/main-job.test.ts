import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, type Dispatcher, request } from "undici";
import { parseAllDocuments } from "yaml";
import { parse as parseToml } from "smol-toml";
import { secretForms } from "../../lib/redaction/redaction";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import type { Access } from "../support/registry-process";
import type { SiteReport } from "../../cli/report/site-report";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";

jest.setTimeout(300_000);

let site: TestSite;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "with-mapping"));
});

afterAll(() => site.remove());

const APP0 = "sha256:74309920a91f4ec3dbc9584582336c3e81b22ac945d0153aa2897051a7894cc3";
const TOOL = "sha256:c9ba58d79d91bfd5f052f7ae059d65b7ca4698da2f2bf1ac22f397d2ed54e8a0";

test("a preview names every image that comes, without asking the registry; the archive may be far away", async () => {
    const archive = join(site.folder, "set1");
    renameSync(archive, `${archive}.away`);
    const preview = await site.stack.preview();
    renameSync(`${archive}.away`, archive);
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toContain("6 images to add, at most 87.7 kB");
    expect(preview.text).toContain(`+ quay.io/team0/app0:v1 ${APP0}`);
    expect(preview.text).toContain("distribution cannot separate push from pull");
    expect(site.registry.accesses()).toEqual([]);
});

test("plan asks with the account of the configuration before the first up", async () => {
    const plan = await site.stack.passthrough("plan", "--exit-code");
    expect(plan).toMatchObject({ code: 3, error: "" });
    expect(plan.out).toContain("6 to push");
    expect(site.registry.writes()).toEqual([]);
    const early = await site.stack.passthrough("selftest");
    expect(early).toMatchObject({ code: 1, out: "" });
    expect(early.error).toContain("stack test: it has no output registriesConf; run `npm run up` for this stack first");
});

test("up brings a real archive into a real registry, and the outputs tell where everything is", async () => {
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const outputs = await site.stack.outputs();
    const { host } = site.registry;
    expect(outputs.mirrorBase).toBe(`${host}/mirror`);
    expect(outputs.images).toMatchObject({
        "quay.io/team0/app0:v1": { mirror: `${host}/mirror/quay.io/team0/app0:v1`, digest: APP0 },
        "quay.io/multi/tool:2.0": { mirror: `${host}/mirror/quay.io/multi/tool:2.0`, digest: TOOL },
    });
    expect(Object.keys(outputs.images as object)).toHaveLength(6);
    expect(outputs.validation).toMatchObject({ status: "proven", images: 6, manifests: 8, failing: [] });
    expect(outputs.registryCa).toBe(site.authority.ca.trim() + "\n");
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
    for (const secret of [outputs.pullSecret, outputs.pushSecret]) {
        expect(JSON.parse(secret as string)).toEqual({ auths: { [host]: { auth } } });
    }
});

test("the rules redirect every host with content to the mirror, and forbid the upstream", async () => {
    const outputs = await site.stack.outputs();
    const objects = parseAllDocuments(outputs.mirrorRules as string).map(
        (document) => document.toJS() as { kind: string },
    );
    expect(objects.map(({ kind }) => kind)).toEqual(["ImageDigestMirrorSet", "ImageTagMirrorSet"]);
    const conf = parseToml(outputs.registriesConf as string) as { registry: { location: string; blocked: boolean }[] };
    expect(conf.registry.map(({ location }) => location)).toEqual(["docker.io", "quay.io", "registry.redhat.io"]);
    expect(conf.registry.every(({ blocked }) => blocked)).toBe(true);
});

test("the command line knows the stack: offline nothing changes, and a canary goes the whole way with its accounts", async () => {
    const plan = await site.stack.passthrough("plan", "--offline", "--exit-code");
    expect(plan).toMatchObject({ code: 0, out: "6 images unchanged, compared with the state of stack test\n" });
    expect(await site.stack.passthrough("plan", "--exit-code")).toMatchObject({ code: 0 });
    const verified = await site.stack.passthrough("verify");
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.error).toContain("pulling as pusher, from the stack's output pullSecret");
    const selftest = await site.stack.passthrough("selftest", "--json");
    expect(selftest).toMatchObject({ code: 0 });
    const steps = selftest.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { step: string; outcome: string });
    expect(steps.map(({ step, outcome }) => `${step}: ${outcome}`)).toEqual([
        ...["rules: done", "push: done", "pull by digest: done", "pull by tag: done", "remove: done"],
    ]);
    expect(selftest.error).toContain("pushing as pusher, from the stack's output pushSecret");
    for (const form of secretForms(ACCOUNT)) expect(site.stack.printed).not.toContain(form);
});

/** The report of the stack, and the exit code that goes with it. */
async function report(): Promise<SiteReport & { code: number | null }> {
    const { code, out } = await site.stack.passthrough("report", "--json");
    return { code, ...(JSON.parse(out) as SiteReport) };
}

test("a report says how each image was proven, when and with which account; it asks nobody", async () => {
    site.registry.forget();
    const said = await report();
    expect(said).toMatchObject({
        ...{ code: 0, verdict: "proven", problems: [], lastRun: { kind: "update", result: "succeeded" } },
        sets: [{ name: "set1", images: 6, incomplete: [], content: { format: "oc-mirror" } }],
        clusters: [{ name: "", validation: { status: "proven", account: ACCOUNT.username, images: 6 } }],
    });
    const { checkedAt } = (await site.stack.outputs()).validation as { checkedAt: string };
    expect(said.clusters[0]?.validation?.provenAt).toBe(checkedAt);
    expect((said.sets[0]?.importedAt ?? "z") < checkedAt).toBe(true);
    expect(said.images.find(({ digest }) => digest === APP0)?.proofs[0]?.proven).toEqual([
        "digest",
        "tag",
        "all blobs",
    ]);
    expect(site.registry.accesses()).toEqual([]);
    const forms = await Promise.all(
        [["--junit"], ["--full"], []].map((args) => site.stack.passthrough("report", ...args)),
    );
    expect(forms.map(({ code }) => code)).toEqual([0, 0, 0]);
    for (const form of secretForms(ACCOUNT)) expect(site.stack.printed).not.toContain(form);
});

const isSame = (a: Access, b: Access) => a.method === b.method && a.path === b.path;

test("outputs of another mirror base are refused by name: no account and no rule of them is used, nothing is pushed", async () => {
    const elsewhere = `${site.registry.host}/elsewhere`;
    const why = `STACK_MISMATCH: stack test: its outputs are of ${site.registry.host}/mirror, its configuration is of ${elsewhere}`;
    site.stack.configure(site.document({ registry: { mirrorBase: elsewhere } }));
    site.registry.forget();
    const refused = await site.stack.passthrough("selftest");
    expect(refused).toMatchObject({ code: 78, out: "" });
    expect(refused.error).toContain(why);
    expect(site.registry.accesses()).toEqual([]);
    // Today's configuration has an account of its own.
    const plan = await site.stack.passthrough("plan", "--exit-code");
    expect(plan).toMatchObject({ code: 3 });
    expect(plan.error).toContain(why);
    site.stack.configure(site.document());
});

test("an account that the registry refuses is named with its place: the stack's output, or its configuration", async () => {
    await site.stack.setConfig("registryPassword", "another-canary-41c2", true);
    site.stack.configure(site.document({ registry: { mirrorBase: `${site.registry.host}/elsewhere` } }));
    const configured = await site.stack.passthrough("verify");
    expect(configured.error).toContain(
        `UNAUTHORIZED (401) at ${site.registry.host}: GET /v2/: the registry rejected the account pusher ` +
            "(pusher is from the stack's configuration (registryUsername)); set registryUsername and registryPassword of stack test",
    );
    expect(configured.error).not.toContain("another-canary-41c2");
    site.stack.configure(site.document());
    await site.stack.setConfig("registryPassword", ACCOUNT.password, true);
    expect(await site.stack.passthrough("verify")).toMatchObject({ code: 0 });
});

test("after up there is nothing to do", async () => {
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a refresh asks for each thing once, however many resources want to know; bytes of whole images besides", async () => {
    site.registry.forget();
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    const asked = site.registry.accesses().filter(({ status }) => status === 200);
    const questions = asked.filter(({ method, path }) => method === "HEAD" || path.includes("/manifests/"));
    expect(questions.length).toBeGreaterThan(6);
    const twice = questions.filter((one, at) => questions.findIndex((other) => isSame(one, other)) < at);
    expect(twice).toEqual([]);
    // The next run of the engine sees for itself.
    site.registry.forget();
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(site.registry.accesses().filter(({ status }) => status === 200)).toHaveLength(asked.length);
});

/** Asks the registry behind the program's back. */
async function ask(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: Buffer,
): Promise<{ status: number; body: Buffer }> {
    const dispatcher = new Agent({ connect: { ca: site.authority.ca } });
    const headers = {
        authorization: `Basic ${Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64")}`,
        accept: MEDIA_TYPE_OCI_MANIFEST,
        ...(body === undefined ? {} : { "content-type": MEDIA_TYPE_OCI_MANIFEST }),
    };
    const url = `https://${site.registry.host}/v2/${path}`;
    const answer = await request(url, { method, dispatcher, headers, ...(body === undefined ? {} : { body }) });
    const got = Buffer.from(await answer.body.arrayBuffer());
    await dispatcher.close();
    return { status: answer.statusCode, body: got };
}

/** What an `up` changed at the registry, and what it said. */
async function healed(): Promise<{ changed: string[]; text: string }> {
    site.registry.forget();
    const { code, text } = await site.stack.up();
    expect({ code, text }).toMatchObject({ code: 0 });
    expect(await site.stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    const writes = site.registry.writes().filter(({ status }) => status !== 401);
    // Which upload it is, only the registry knows.
    const uploadPlace = (path: string) => path.replace(/(?<=\/uploads\/).*/, "");
    return { changed: writes.map(({ method, path, status }) => `${method} ${uploadPlace(path)} ${status}`), text };
}

test("a manifest deleted by hand is drift, and the next up restores just that", async () => {
    const repository = "mirror/quay.io/team0/app0";
    expect(await ask("DELETE", `${repository}/manifests/${APP0}`)).toMatchObject({ status: 202 });
    const drift = await site.stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain(
        `quay.io/team0/app0:v1: MANIFEST_UNKNOWN at ${site.registry.host}: tag ${repository}:v1: it is missing`,
    );

    expect((await healed()).changed).toEqual([`PUT /v2/${repository}/manifests/v1 201`]);
});

test("a tag that somebody moved is drift, and the next up moves it back, says so, and sends nothing else", async () => {
    const repository = "mirror/quay.io/multi/tool";
    const index = JSON.parse((await ask("GET", `${repository}/manifests/${TOOL}`)).body.toString()) as {
        manifests: { digest: string }[];
    };
    const child = index.manifests[0]?.digest ?? "";
    const { body } = await ask("GET", `${repository}/manifests/${child}`);
    expect(await ask("PUT", `${repository}/manifests/2.0`, body)).toMatchObject({ status: 201 });

    const drift = await site.stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain(
        `quay.io/multi/tool:2.0: TAG_MISMATCH at ${site.registry.host}: tag ${repository}:2.0: it points to`,
    );
    expect(drift.text).toContain(child);

    const { changed, text } = await healed();
    expect(changed).toEqual([`PUT /v2/${repository}/manifests/2.0 201`]);
    expect(text).toMatch(new RegExp(`warning:\\s+1 tag of others moves\\s+${repository}:2.0 ${child} -> ${TOOL}`));
    expect(text).toContain("plan: 1 image: 0 present, 0 to push, 1 tag only, 0 blocked");
});

test("a lost blob is drift, and the next up sends just its bytes", async () => {
    const repository = "mirror/quay.io/team0/app0";
    const answer = await ask("GET", `${repository}/manifests/${APP0}`);
    const manifest = JSON.parse(answer.body.toString()) as { config: { digest: string; size: number } };
    const { digest, size } = manifest.config;
    expect(await ask("DELETE", `${repository}/blobs/${digest}`)).toMatchObject({ status: 202 });

    const drift = await site.stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain(
        `quay.io/team0/app0:v1: BLOB_UNKNOWN at ${site.registry.host}: blob ${repository}@${digest}: it is missing`,
    );

    const { changed, text } = await healed();
    expect(changed).toEqual([
        `POST /v2/${repository}/blobs/uploads/ 202`,
        `PUT /v2/${repository}/blobs/uploads/ 201`,
        `PUT /v2/${repository}/manifests/${APP0} 201`,
    ]);
    const bytes = size + answer.body.length;
    expect(text).toContain("plan: 1 image: 0 present, 1 to push, 0 tag only, 0 blocked");
    expect(text).toMatch(new RegExp(`\\b${bytes} (B|bytes\\)) to send: 1 blob to upload, 0 to mount`));
});

test("what a refresh finds missing is not proven until the next up has repaired it", async () => {
    const repository = "mirror/quay.io/team0/app0";
    const answer = await ask("GET", `${repository}/manifests/${APP0}`);
    const { config } = JSON.parse(answer.body.toString()) as { config: { digest: string } };
    expect(await ask("DELETE", `${repository}/blobs/${config.digest}`)).toMatchObject({ status: 202 });
    expect(await site.stack.refresh("--run-program")).toMatchObject({ code: 0 });
    const { code, problems, images } = await report();
    expect(code).toBe(1);
    expect(problems.map(({ problem }) => problem)).toContainEqual(
        expect.stringMatching(/1 of 6 not proven .*: quay\.io\/team0\/app0:v1/),
    );
    const unproven = images.filter(({ proofs }) => proofs[0]?.proven.length === 0);
    expect(unproven.map(({ source }) => source)).toEqual(["quay.io/team0/app0:v1"]);
    expect(await site.stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await report()).toMatchObject({ code: 0, problems: [] });
});

test("a registry that cannot be asked is no drift: the check fails otherwise, and nothing is forgotten", async () => {
    await site.registry.kill();
    const before = await site.stack.state();
    const unknown = await site.stack.refreshPreview("--expect-no-changes");
    expect(unknown.code).toBe(1);
    expect(unknown.text).toContain(`NETWORK at ${site.registry.host}: GET /v2/: no connection (ECONNREFUSED)`);
    expect(await site.stack.state()).toBe(before);
    expect((await site.stack.up("--skip-preview")).code).not.toBe(0);
    // The images are as they were; that they were proven is not what the last `up` has found.
    expect(await report()).toMatchObject({
        code: 1,
        problems: [{ problem: expect.stringMatching(/^its last up has failed/) as string }],
    });
    await site.registry.restart();
    expect(await site.stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(await report()).toMatchObject({ code: 0, problems: [] });
    expect(await site.stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a preview names the one image that was added, and none that stay", async () => {
    const path = join(site.folder, "set1.lock.json");
    const whole = readFileSync(path, "utf8");
    const lock = JSON.parse(whole) as { images: Record<string, string>; nameSources: Record<string, unknown> };
    for (const map of [lock.images, lock.nameSources]) delete map["quay.io/legacy/v2s2:1.0"];
    writeFileSync(path, JSON.stringify(lock));
    expect(await site.stack.upOnly()).toMatchObject({ code: 0 });
    writeFileSync(path, whole);
    const preview = await site.stack.preview("--diff");
    expect(preview.text).toContain("1 image to add");
    expect(preview.text).toContain("+ quay.io/legacy/v2s2:1.0");
    for (const other of ["quay.io/team0", "quay.io/team1", "quay.io/multi", "docker.io/library"]) {
        expect(preview.text).not.toContain(other);
    }
    expect(await site.stack.upOnly()).toMatchObject({ code: 0 });
});

test("a change of the rules proves every image anew, and sends nothing", async () => {
    const before = (await site.stack.outputs()).validation as { checkedAt: string };
    site.stack.configure(site.document({ cluster: { contactSource: "allow" } }));
    site.registry.forget();
    expect(await site.stack.up()).toMatchObject({ code: 0 });
    const after = await site.stack.outputs();
    expect(after.registriesConf).not.toContain("blocked");
    expect((after.validation as { checkedAt: string }).checkedAt > before.checkedAt).toBe(true);
    expect(site.registry.writes()).toEqual([]);
    // The refresh, and the proof, which does not believe it.
    const reads = site.registry.accesses().filter(({ method, status }) => method === "GET" && status === 200);
    expect(reads.filter(({ path }) => path.includes("/team0/app0/manifests/"))).toHaveLength(2);
});

test("providers write the debug log on the stack's lines: their calls, requests and decisions, and no secret", async () => {
    site.stack.setVariable("REGISTRY_PASSTHROUGH_DEBUG", "*");
    const { code, text } = await site.stack.refreshPreview("--expect-no-changes");
    site.stack.setVariable("REGISTRY_PASSTHROUGH_DEBUG", undefined);
    expect(code).toBe(0);
    expect(text).toMatch(/registry-passthrough:provider read urn:pulumi:test::\S+ImageImport::\S+: done, \d+ ms/);
    expect(text).toMatch(/registry-passthrough:http #\d+ HEAD https:\S+\/manifests\/v1: 200, \d+ ms/);
    for (const form of secretForms(ACCOUNT)) expect(text).not.toContain(form);
});

test("no credential is in the clear in state or output, and state keeps its budget", async () => {
    const state = await site.stack.state();
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
    // The outputs test asks for secrets to be shown; everything else that was printed must hold none.
    for (const secret of [ACCOUNT.password, auth]) expect(state).not.toContain(secret);
    const { deployment } = JSON.parse(state) as { deployment: { resources: Record<string, unknown>[] } };
    const dynamic = deployment.resources.filter(({ type }) => String(type).startsWith("pulumi-nodejs:dynamic"));
    expect(dynamic).toHaveLength(3);
    for (const resource of dynamic) {
        const images = [resource.inputs, resource.outputs].map((part) => (part as { images?: object }).images ?? {});
        const rest = JSON.stringify(resource).length - images.reduce((sum, map) => sum + JSON.stringify(map).length, 0);
        // The validation also has the objects for clusters, which previews compare and show.
        expect(rest).toBeLessThan(String(resource.type).endsWith("MirrorValidation") ? 10_240 : 8192);
    }
});
