import type { RegistryInstallationInputs } from "../../dynamic-providers/registry-installation/kind";
import { settle } from "../../dynamic-providers/registry-installation/settle";
import { tryUploads } from "../../dynamic-providers/registry-installation/try-uploads";
import { testAuthority } from "../support/certificates";
import { FakeHarbor } from "../support/harbor/fake-harbor";
import { ADMIN } from "../support/harbor/harbor-site";
import { ManualClock } from "../support/manual-clock";
import { operationContext } from "../support/operation-context";
import { OWNER } from "../support/quay/account";
import { FakeQuay } from "../support/quay/fake-quay";

let harbor: FakeHarbor;
let quay: FakeQuay;
let inputs: RegistryInstallationInputs;

beforeAll(async () => {
    const authority = await testAuthority();
    const { certificate: chain, key } = await authority.issue();
    harbor = await FakeHarbor.start({ certificate: chain, key });
    harbor.harbor.users.push({ ...ADMIN, sysadmin: true });
    quay = await FakeQuay.start("mirror-registry", { certificate: chain, key });
    quay.model.addUser(OWNER.username, OWNER.password);
    inputs = {
        ...{ selfUrn: "urn", owner: "mirror/site-a", directory: "/opt/registry", httpPort: 80, deleteContent: false },
        registry: { type: "harbor", mirrorBase: `${harbor.host}/mirror`, ca: authority.ca, retrySeconds: 0 },
        ...{ host: { address: "host", port: 22, user: "root", hostKey: "" }, login: { privateKey: "" } },
        installer: { path: "harbor.tgz", isOnHost: false, sha256: "0".repeat(64), version: "2.14.1" },
        ...{ chain, key },
    };
});
afterAll(() => Promise.all([harbor.stop(), quay.stop()]));

function quayInputs(): RegistryInstallationInputs {
    const registry = { ...inputs.registry, type: "mirror-registry" as const, mirrorBase: `${quay.host}/mirror` };
    return { ...inputs, registry };
}

const projects = () => harbor.harbor.projects.map(({ name }) => name);

test("at Harbor, uploads are tried in a project of their own, which is gone afterwards", async () => {
    const lines: string[] = [];
    await tryUploads(inputs, ADMIN, operationContext(lines));
    const sent = harbor.urls.filter((url) => url.startsWith("/v2/") && url.includes("/blobs/uploads/"));
    expect(sent.length).toBeGreaterThan(3);
    for (const url of sent) expect(url).toMatch(/^\/v2\/registry-passthrough-doctor\/uploads\//);
    expect(projects()).toEqual([]);
    expect(lines).toEqual([]);
});

test("an interrupt while the project is made leaves none", async () => {
    const stop = new AbortController();
    harbor.disturb = (method, path) => {
        if (method === "POST" && path.endsWith("/projects")) stop.abort(new Error("stopped"));
        return undefined;
    };
    const { length } = harbor.requests;
    const run = tryUploads(inputs, ADMIN, { ...operationContext(), signal: stop.signal });
    await expect(run).rejects.toThrow("stopped");
    harbor.disturb = () => undefined;
    expect(harbor.requests.slice(length)).toContainEqual(expect.objectContaining({ path: "/projects", status: 201 }));
    expect(projects()).toEqual([]);
});

test("where it is not known whether the project was made, it is looked for, and removed", async () => {
    const stop = new AbortController();
    let isMade = false;
    harbor.disturb = (method, path) => {
        if (method === "POST" && path.endsWith("/projects")) isMade = true;
        if (!isMade || stop.signal.aborted) return undefined;
        if (method === "POST") return "drop";
        stop.abort(new Error("stopped"));
        return { status: 502, json: {} };
    };
    const { length } = harbor.requests;
    const run = tryUploads(inputs, ADMIN, { ...operationContext(), signal: stop.signal });
    await expect(run).rejects.toThrow("stopped");
    harbor.disturb = () => undefined;
    expect(harbor.requests.slice(length)).toContainEqual(expect.objectContaining({ path: "/projects", status: 201 }));
    expect(projects()).toEqual([]);
});

test("what is found ends it, and the project is removed nevertheless; so it is after an interrupt", async () => {
    harbor.disturb = (method, path) =>
        method === "PUT" && path.includes("/blobs/uploads/") ? { status: 413, json: {} } : undefined;
    await expect(tryUploads(inputs, ADMIN, operationContext())).rejects.toThrow(
        /it is up, and no image can be pushed to it \(small upload\): /,
    );
    harbor.disturb = () => undefined;
    expect(projects()).toEqual([]);
    const signal = AbortSignal.abort(new Error("stopped"));
    const before = harbor.urls.length;
    await expect(tryUploads(inputs, ADMIN, { ...operationContext(), signal })).rejects.toThrow("stopped");
    expect(harbor.urls).toHaveLength(before);
    expect(projects()).toEqual([]);
});

test("a project that cannot be removed is a warning that names it", async () => {
    harbor.disturb = (method) => (method === "DELETE" ? { status: 403, json: {} } : undefined);
    const lines: string[] = [];
    await tryUploads(inputs, ADMIN, operationContext(lines));
    expect(lines.join()).toContain("the project registry-passthrough-doctor of test blobs is not removed: ");
    harbor.disturb = () => undefined;
    await tryUploads(inputs, ADMIN, operationContext());
    expect(projects()).toEqual([]);
});

test("what a run that was ended leaves at mirror-registry, organization and repository, goes with the next", async () => {
    const atQuay = quayInputs();
    quay.fault = (method) => (method === "DELETE" ? { status: 403, headers: {}, body: "" } : undefined);
    const lines: string[] = [];
    await tryUploads(atQuay, OWNER, operationContext(lines));
    expect(lines.join()).toContain("the organization registry-passthrough-doctor of test blobs is not removed: ");
    const left = () => [...quay.model.organizations.values()].map(({ repositories }) => [...repositories.keys()]);
    expect(left()).toEqual([["uploads"]]);
    quay.fault = undefined;
    const next: string[] = [];
    await tryUploads(atQuay, OWNER, operationContext(next));
    expect(left()).toEqual([]);
    expect(next).toEqual([]);
});

test("a password that somebody has changed is told after a minute, with the file that has it", async () => {
    quay.model.addUser("admin", "theirs");
    for (const registry of [inputs, quayInputs()]) {
        const clock = new ManualClock();
        const run = settle(registry, { password: OWNER.password }, operationContext([], { clock }), () => undefined);
        await expect(run).rejects.toThrow(
            /^UNAUTHORIZED \(401\) at .*; run again, .* somebody has changed it: .* \/opt\/registry\/secrets\.json on host /,
        );
        await expect(run).rejects.not.toThrow(OWNER.password);
        expect(clock.now()).toBe(60_000);
    }
    const first = { password: OWNER.password, initial: "first" };
    const patient = { ...quayInputs(), registry: { ...quayInputs().registry, retrySeconds: 5 } };
    await expect(settle(patient, first, operationContext(), () => undefined)).rejects.toThrow("secrets.json");
});

test("a minute of rejections is one without anything else in between", async () => {
    const clock = new ManualClock();
    const rejected = { status: 401, json: {} };
    harbor.disturb = (_method, path) => {
        if (path !== "/service/token" || clock.sleeps > 30) return undefined;
        return clock.sleeps === 0 || clock.sleeps === 30 ? rejected : { status: 502, json: {} };
    };
    await settle(inputs, { password: ADMIN.password }, operationContext([], { clock }), () => undefined);
    expect(clock.sleeps).toBe(31);
    expect(clock.now()).toBeGreaterThan(60_000);
    harbor.disturb = () => undefined;
});

test("a registry that rejects the tokens that it gives is told after a minute, too", async () => {
    const challenge = `Bearer realm="https://${harbor.host}/service/token",service="harbor-registry"`;
    harbor.disturb = (_method, path) =>
        path === "/v2/" ? { status: 401, json: {}, headers: { "www-authenticate": challenge } } : undefined;
    const clock = new ManualClock();
    const run = settle(inputs, { password: ADMIN.password }, operationContext([], { clock }), () => undefined);
    await expect(run).rejects.toMatchObject({ code: "TOKENS_REJECTED" });
    expect(clock.now()).toBe(60_000);
    harbor.disturb = () => undefined;
});

test("one that is rejected for a moment, as by Harbor while its database restarts, is tried again", async () => {
    const clock = new ManualClock();
    harbor.disturb = (_method, path) =>
        path === "/service/token" && clock.sleeps < 3 ? { status: 401, json: {} } : undefined;
    await settle(inputs, { password: ADMIN.password }, operationContext([], { clock }), () => undefined);
    expect(clock.sleeps).toBe(3);
    harbor.disturb = () => undefined;
});
