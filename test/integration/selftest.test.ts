import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { contentRules } from "../../lib/openshift";
import { type SelftestStep, selftest } from "../../lib/passthrough";
import { type Reply, ScriptedServer, type Seen } from "../support/http-server";
import { RegistryProcess } from "../support/registry-process";

const IMAGES = {
    "quay.io/org/app:1": `sha256:${"1".repeat(64)}`,
    "registry.redhat.io/a/b:1": `sha256:${"2".repeat(64)}`,
};
const REPOSITORY = "mirror/quay.io/registry-passthrough/selftest";
const clients: RegistryClient[] = [];
let registry: RegistryProcess | undefined;
let server: ScriptedServer | undefined;

afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await registry?.stop();
    await server?.stop();
    registry = server = undefined;
});

function makeClient(host: string, signal?: AbortSignal, seconds = 0): RegistryClient {
    const client = new RegistryClient({
        ...(signal === undefined ? {} : { signal }),
        endpoint: { host, plainHttp: true },
        credentials: { username: "u", password: "p" },
        retry: { seconds, firstDelay: 1, longestDelay: 1 },
    });
    clients.push(client);
    return client;
}

interface Changes {
    readonly pullHost?: string;
    readonly removeHost?: string;
    readonly version?: string;
    readonly rulesOf?: string;
    /** Ends the push and the pulls. */
    readonly signal?: AbortSignal;
    /** How long the clients keep trying. */
    readonly seconds?: number;
    readonly onStep?: (step: SelftestStep) => void;
}

/** The steps of a run, with the pulls going to `pullHost`. */
async function run(host: string, changes: Changes = {}) {
    const { pullHost = host, version = "4.20.0", rulesOf = `${host}/mirror` } = changes;
    const { registriesConf } = contentRules(
        parseMirrorBase(rulesOf),
        { images: IMAGES },
        { contactSource: "never", version },
    );
    const steps: SelftestStep[] = [];
    const isFine = await selftest({
        pushing: makeClient(host, changes.signal, changes.seconds),
        pulling: makeClient(pullHost, changes.signal, changes.seconds),
        removing: (isAnswering) => makeClient(changes.removeHost ?? host, undefined, isAnswering ? changes.seconds : 0),
        base: parseMirrorBase(`${host}/mirror`),
        registriesConf,
        name: "0123abcd",
        onStep: (step) => {
            steps.push(step);
            changes.onStep?.(step);
        },
    });
    return { isFine, steps, outcomes: steps.map(({ step, outcome }) => `${step}: ${outcome}`) };
}

const stepDetail = (steps: readonly SelftestStep[], name: string) => steps.find(({ step }) => step === name)?.detail;

test("a canary is pushed, found through the rules by digest and by tag, read to the last byte, and taken away", async () => {
    registry = await RegistryProcess.start();
    const { isFine, steps, outcomes } = await run(registry.host);
    expect({ isFine, outcomes }).toEqual({
        isFine: true,
        outcomes: ["rules: done", "push: done", "pull by digest: done", "pull by tag: done", "remove: done"],
    });
    expect(stepDetail(steps, "rules")).toContain(
        `quay.io/registry-passthrough/selftest:0123abcd -> ${registry.host}/${REPOSITORY}@sha256:`,
    );
    const tags = await fetch(`http://${registry.host}/v2/${REPOSITORY}/tags/list`);
    expect(await tags.json()).toEqual({ name: REPOSITORY, tags: [] });
});

test("the canary is taken away although the run was interrupted", async () => {
    registry = await RegistryProcess.start();
    const ending = new AbortController();
    const onStep = ({ step }: SelftestStep) => step === "push" && ending.abort(new Error("interrupted"));
    const { outcomes } = await run(registry.host, { signal: ending.signal, onStep });
    expect(outcomes).toEqual([
        "rules: done",
        "push: done",
        "pull by digest: failed",
        "pull by tag: failed",
        "remove: done",
    ]);
});

test("where the registry does not delete, that is a note: what stays is said, and the next run works as well", async () => {
    registry = await RegistryProcess.start({ deletes: false });
    for (let time = 0; time < 2; time++) {
        const { isFine, steps, outcomes } = await run(registry.host);
        expect(isFine).toBe(true);
        expect(outcomes.at(-1)).toBe("remove: note");
        expect(stepDetail(steps, "remove")).toContain("does not let the account delete (405");
        expect(stepDetail(steps, "remove")).toContain(`${REPOSITORY}@sha256:`);
    }
});

test("rules of an old cluster redirect by digest only: that is a note", async () => {
    registry = await RegistryProcess.start();
    const { isFine, outcomes } = await run(registry.host, { version: "4.12.1" });
    expect(isFine).toBe(true);
    expect(outcomes).toContain("pull by tag: note");
});

test("rules that lead elsewhere, or none, fail before anything is pushed", async () => {
    registry = await RegistryProcess.start();
    const elsewhere = await run(registry.host, { rulesOf: "elsewhere.example/mirror" });
    expect(elsewhere).toMatchObject({ isFine: false, outcomes: ["rules: failed"] });
    expect(stepDetail(elsewhere.steps, "rules")).toContain("run `npm run up`");
    expect(registry.writes()).toEqual([]);
});

test("an account that may push but whose pulls find nothing fails at that step with the cure, and the canary goes", async () => {
    registry = await RegistryProcess.start();
    const hidden = JSON.stringify({ errors: [{ code: "NAME_UNKNOWN", message: "repository name not known" }] });
    server = await ScriptedServer.start(() => ({
        status: 404,
        headers: { "content-type": "application/json", "docker-distribution-api-version": "registry/2.0" },
        body: hidden,
    }));
    const { isFine, steps, outcomes } = await run(registry.host, { pullHost: server.host });
    expect(isFine).toBe(false);
    expect(outcomes).toEqual([
        ...["rules: done", "push: done", "pull by digest: failed", "pull by tag: failed", "remove: done"],
    ]);
    expect(stepDetail(steps, "pull by digest")).toContain("give the account that pulls the right to read");
});

test("a mirror that serves other bytes fails, by digest and by tag", async () => {
    registry = await RegistryProcess.start();
    const other = Buffer.from(
        JSON.stringify({
            schemaVersion: 2,
            mediaType: "application/vnd.oci.image.manifest.v1+json",
            config: {
                mediaType: "application/vnd.oci.image.config.v1+json",
                digest: IMAGES["quay.io/org/app:1"],
                size: 1,
            },
            layers: [],
        }),
    );
    const answer = ({ url }: Seen): Reply => ({
        status: 200,
        headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" },
        body: url.includes("/manifests/") ? other : "",
    });
    server = await ScriptedServer.start(answer);
    const { isFine, steps, outcomes } = await run(registry.host, { pullHost: server.host });
    expect(isFine).toBe(false);
    expect(outcomes.slice(2, 4)).toEqual(["pull by digest: failed", "pull by tag: failed"]);
    expect(stepDetail(steps, "pull by tag")).toContain("look what stands between this machine and the registry");
});

test("a push that is refused fails with the registry's words; nothing is pulled, and nothing is there to be removed", async () => {
    const denied = JSON.stringify({
        errors: [{ code: "DENIED", message: "requested access to the resource is denied" }],
    });
    server = await ScriptedServer.start(({ method }) =>
        method === "HEAD"
            ? { status: 404 }
            : { status: 403, headers: { "content-type": "application/json" }, body: denied },
    );
    const { isFine, steps, outcomes } = await run(server.host);
    expect(isFine).toBe(false);
    expect(outcomes).toEqual(["rules: done", "push: failed"]);
    expect(stepDetail(steps, "push")).toContain("DENIED (403)");
});

test("a registry that cannot be reached is waited for once, at the first step: no pull, no removal of what was not pushed", async () => {
    registry = await RegistryProcess.start();
    const { host } = registry;
    await registry.kill();
    const { isFine, steps, outcomes } = await run(host, { seconds: 0.2 });
    expect({ isFine, outcomes }).toEqual({ isFine: false, outcomes: ["rules: done", "push: failed"] });
    expect(stepDetail(steps, "push")).toMatch(new RegExp(`^NETWORK at ${host}: .*: no connection`));
});

test("one that goes away after the push is waited for once; removing the canary is tried once more, and it is named", async () => {
    registry = await RegistryProcess.start();
    let asked = 0;
    const gone = () => {
        asked++;
        return { status: 503 };
    };
    server = await ScriptedServer.start(gone);
    const { steps, outcomes } = await run(registry.host, { pullHost: server.host, seconds: 0.2 });
    expect(outcomes).toEqual(["rules: done", "push: done", "pull by digest: failed", "remove: done"]);
    expect(asked).toBeGreaterThan(1);
    expect(stepDetail(steps, "pull by digest")).toContain("503");
    const elsewhere = await ScriptedServer.start(gone);
    const removeHost = elsewhere.host;
    await elsewhere.stop();
    const lost = await run(registry.host, { pullHost: server.host, removeHost, seconds: 0.2 });
    expect(lost.outcomes).toEqual(["rules: done", "push: done", "pull by digest: failed", "remove: failed"]);
    expect(stepDetail(lost.steps, "remove")).toMatch(/look whether \S+selftest@sha256:[0-9a-f]{64} is still there/);
});
