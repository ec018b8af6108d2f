import type { RegistryInstallationInputs } from "../../dynamic-providers/registry-installation/kind";
import { tryUploads } from "../../dynamic-providers/registry-installation/try-uploads";
import { testAuthority } from "../support/certificates";
import { FakeHarbor } from "../support/harbor/fake-harbor";
import { ADMIN } from "../support/harbor/harbor-site";
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
    const registry = { ...inputs.registry, type: "mirror-registry" as const, mirrorBase: `${quay.host}/mirror` };
    quay.fault = (method) => (method === "DELETE" ? { status: 403, headers: {}, body: "" } : undefined);
    const lines: string[] = [];
    await tryUploads({ ...inputs, registry }, OWNER, operationContext(lines));
    expect(lines.join()).toContain("the organization registry-passthrough-doctor of test blobs is not removed: ");
    const left = () => [...quay.model.organizations.values()].map(({ repositories }) => [...repositories.keys()]);
    expect(left()).toEqual([["uploads"]]);
    quay.fault = undefined;
    const next: string[] = [];
    await tryUploads({ ...inputs, registry }, OWNER, operationContext(next));
    expect(left()).toEqual([]);
    expect(next).toEqual([]);
});
