import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import { registryAccessProvider } from "../../dynamic-providers/registry-access/provider";
import type {
    RegistryInstallationInputs,
    RegistryInstallationOutputs,
} from "../../dynamic-providers/registry-installation/kind";
import { registryInstallationProvider as provider } from "../../dynamic-providers/registry-installation/provider";
import { tryUploads } from "../../dynamic-providers/registry-installation/try-uploads";
import { RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import { PassthroughError } from "../../lib/errors/errors";
import type { Credentials } from "../../lib/http/credentials";
import { registryAdmin } from "../../lib/registries";
import { type ServerCertificate, type TestAuthority, testAuthority } from "../support/certificates";
import { InstallerHost, packInstaller } from "../support/installers/installer-host";
import { ManualClock } from "../support/manual-clock";
import { operationContext } from "../support/operation-context";
import { FakeQuay } from "../support/quay/fake-quay";
import type { SshServer } from "../support/ssh-server";

const V7 = packInstaller("mirror-registry", "2.0.7");
const V11 = packInstaller("mirror-registry", "2.0.11");

let authority: TestAuthority;
let certificate: ServerCertificate;
let quay: FakeQuay;
let host: InstallerHost;
let server: SshServer;

beforeEach(async () => {
    authority = await testAuthority();
    certificate = await authority.issue();
    quay = await FakeQuay.start("mirror-registry", certificate);
    ({ host, server } = await InstallerHost.start({ QUAY_URL: quay.url }));
    writeFileSync(join(host.home, "ca.pem"), authority.ca);
    // That of the provider, too.
    host.program("date", "echo 0");
    host.setEnvironment({ NODE_EXTRA_CA_CERTS: join(host.home, "ca.pem") });
});
afterEach(async () => {
    await server.stop();
    await quay.stop();
    host.remove();
});

function inputsOf(changes: Partial<RegistryInstallationInputs> = {}): RegistryInstallationInputs {
    const { privateKey, ...rest } = server.connection;
    return {
        ...{ selfUrn: "urn", owner: "mirror/site-a", host: rest, login: { privateKey } },
        registry: { type: "mirror-registry", mirrorBase: `${quay.host}/mirror`, ca: authority.ca, retrySeconds: 5 },
        ...{ directory: host.directory, httpPort: 80, installer: { ...V7, isOnHost: false } },
        ...{ chain: certificate.certificate, key: certificate.key, deleteContent: false },
        ...changes,
    };
}

function context(lines: string[] = []) {
    const clock = new ManualClock();
    return { ...operationContext(lines), process: new RegistryProcess({ followsConfiguration: false, clock }) };
}

const password = () => quay.model.users.get("admin")?.password;
const create = async (inputs = inputsOf()) => (await provider.create(inputs, context())).outs;

test("the administrator has a password that no command had, is a superuser, and administers", async () => {
    const outs = await create();
    expect(outs.admin).toEqual({ username: "admin", password: password() });
    const [install = ""] = host.calls(/install/);
    const initial = / --initPassword (\S+)$/.exec(install)?.[1];
    expect(initial).toBeDefined();
    expect(initial).not.toBe(password());
    expect(JSON.stringify(outs)).not.toContain(initial);
    const account = {
        endpoint: { host: quay.host, ca: authority.ca },
        credentials: outs.admin,
        retrySeconds: 5,
    };
    // The superuser's name is not free for somebody else.
    const { notes } = await registryAdmin("mirror-registry").check(account, "mirror");
    expect(notes.join()).not.toContain("free");
    const read = await provider.read(outs, context());
    expect(read.outs).toEqual({ ...outs, differences: [] });
    expect(provider.compare(read.outs, inputsOf())).toEqual({ changes: false });
});

test("once somebody has changed the password, what administers the registry says which file has it", async () => {
    const outs = await create();
    const refreshed = context();
    await provider.read(outs, refreshed);
    const { selfUrn, registry, admin } = outs;
    // This process has a session with the right one.
    const credentials = { ...admin, password: "not theirs" };
    const access = { selfUrn, registry, credentials, account: "admin", notes: [] } as const;
    const file = `${host.path("secrets.json")} on 127.0.0.1`;
    await expect(registryAccessProvider.read(access, refreshed)).rejects.toThrow(file);
    await expect(registryAccessProvider.read(access, context())).rejects.toThrow("registryUsername");
});

test("another key to log in with is kept in the state, without a look at the host", async () => {
    const outs = await create();
    const news = inputsOf({ host: { ...outs.host, user: "other" }, login: { privateKey: "other" } });
    expect(provider.compare(outs, news)).toEqual({ changes: true });
    const before = server.commands.length;
    expect(await provider.update(outs, news, context())).toEqual({ ...outs, host: news.host, login: news.login });
    expect(server.commands).toHaveLength(before);
    // What is to be mended is not forgotten over it.
    const mended = inputsOf({ host: { ...outs.host, user: "operator" } });
    await provider.update({ ...outs, differences: ["a difference"], login: news.login }, mended, context());
    expect(server.commands.length).toBeGreaterThan(before);
});

test("an update that fails before it writes leaves the state as it is, and one that fails later is seen by a refresh", async () => {
    const outs = await create();
    const renewed = await authority.issue();
    const news = inputsOf({ chain: renewed.certificate, key: renewed.key });
    host.fate = () => "lost-before";
    const failure: unknown = await provider.update(outs, news, context()).catch((error: unknown) => error);
    expect(failure).not.toBeInstanceOf(PartialState);
    expect(failure).toMatchObject({ code: "HOST_CONNECTION_LOST" });
    // The secrets are the last thing that is written.
    host.fate = (command) => (command.includes("secrets.json") ? "lost-before" : "run");
    const partial: unknown = await provider.update(outs, news, context()).catch((error: unknown) => error);
    if (!(partial instanceof PartialState)) throw partial;
    host.fate = () => "run";
    const { outs: found } = await provider.read(partial.known as RegistryInstallationOutputs, context());
    expect(found.differences).toEqual([`${host.path("tls/registry.crt")} is another certificate`]);
    expect(provider.compare(found, news)).toEqual({ changes: true });
});

test("an installation that fails keeps its secrets in the state, and the next update completes it", async () => {
    host.set("disk-full");
    const failure: unknown = await create().catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    expect(failure.reasons[0]).toMatch(/^INSTALLER_FAILED .*the disk of the host got full/);
    expect(failure.codes).toEqual(["INSTALLER_FAILED"]);
    const known = failure.known as RegistryInstallationOutputs;
    expect(failure.reasons.join()).not.toContain(known.secrets.initial);
    expect(provider.compare(known, inputsOf())).toEqual({ changes: true });
    host.set("disk-full", false);
    const outs = await provider.update(known, inputsOf(), context());
    expect(outs.admin).toEqual({ username: "admin", password: password() });
    expect(outs.admin).toEqual(known.admin);
    expect(outs.differences).toEqual([]);
});

test("a name that does not do is corrected while nothing is installed, and stays once it is", async () => {
    const named = (host: string) =>
        inputsOf({ registry: { ...inputsOf().registry, mirrorBase: `${host}:${quay.host.split(":")[1]}/mirror` } });
    host.set("disk-full");
    const first = await failure(create(named("127.0.0.1")));
    host.set("disk-full", false);
    expect(() => provider.describeUpdate?.(first, inputsOf(), context())).not.toThrow();
    const outs = await provider.update((await provider.read(first, context())).outs, inputsOf(), context());
    expect(outs).toMatchObject({ registry: inputsOf().registry, differences: [] });
    // Also where only its checks were not passed yet, which state alone does not tell.
    for (const olds of [outs, { ...outs, isUnchecked: true as const }])
        await expect(provider.update(olds, named("127.0.0.1"), context())).rejects.toThrow(
            /CONFIG_INVALID: site\.registry\.mirrorBase.*its installer cannot change it from localhost to 127\.0\.0\.1/,
        );
});

test("a response to the change of the password that is lost is found again by the next run", async () => {
    quay.fault = (method, path) =>
        method === "PUT" && path.startsWith("/api/") ? { status: 200, cutAfter: 0 } : undefined;
    const outs = await create();
    expect(outs.admin).toEqual({ username: "admin", password: password() });
});

test("a registry that does not answer, or shows another certificate, is said, with what is waited for", async () => {
    quay.fault = (_method, path) => (path.startsWith("/v2/") ? { status: 502, body: "" } : undefined);
    await expect(create()).rejects.toThrow(/REGISTRY_UNHEALTHY.*after 15 minutes: .*502/);
    quay.fault = undefined;
    const other = (await testAuthority()).ca;
    const registry = { ...inputsOf().registry, ca: other };
    await expect(create(inputsOf({ registry }))).rejects.toThrow(/^TLS /);
});

/** As `ProviderOperations` ends operations. */
const INTERRUPTED = new PassthroughError("the run was interrupted", { code: "ABORTED" });

/** Uploads are rejected, as by a proxy with a limit. */
const rejectUploads: typeof quay.fault = (method, path) =>
    method === "PUT" && path.includes("/blobs/uploads/") ? { status: 403, body: "blocked by policy" } : undefined;

test("uploads are tried in an organization of their own, which is gone afterwards, before anything else is made", async () => {
    const outs = await create();
    const sent = quay.admitted.filter(({ method }) => method === "PUT");
    expect(sent.length).toBeGreaterThan(1);
    for (const { path, subject } of sent) {
        expect(path).toMatch(/^\/v2\/registry-passthrough-doctor\/uploads\/blobs\//);
        expect(subject).toBe("admin");
    }
    expect([...quay.model.organizations.keys()]).toEqual([]);
    // Not for another certificate, and again after another installer.
    const before = quay.admitted.length;
    const renewed = await authority.issue();
    const changed = await provider.update(outs, inputsOf({ chain: renewed.certificate, key: renewed.key }), context());
    expect(quay.admitted).toHaveLength(before);
    await provider.update(changed, inputsOf({ installer: { ...V11, isOnHost: false } }), context());
    expect(quay.admitted.length).toBeGreaterThan(before);
});

test("uploads that do not arrive end every up until they do, and change nothing on the host meanwhile", async () => {
    quay.fault = rejectUploads;
    const failure: unknown = await create().catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    expect(failure.reasons[0]).toContain("it is up, and no image can be pushed to it (small upload): ");
    expect([...quay.model.organizations.keys()]).toEqual([]);
    host.calls();
    const { outs: found } = await provider.read(failure.known as RegistryInstallationOutputs, context());
    expect(found.differences).toEqual(["the checks that send something to it were not passed yet"]);
    expect(provider.compare(found, inputsOf())).toEqual({ changes: true });
    await expect(provider.update(found, inputsOf(), context())).rejects.toThrow(PartialState);
    expect(host.calls(/install|upgrade|restart/)).toEqual([]);
    quay.fault = undefined;
    const outs = await provider.update(found, inputsOf(), context());
    expect((await provider.read(outs, context())).outs.differences).toEqual([]);
});

test("after an upgrade it is a warning, since the registry runs; an organization that a run has left is taken", async () => {
    const outs = await create();
    quay.model.addOrganization("registry-passthrough-doctor", "admin");
    quay.fault = rejectUploads;
    const lines: string[] = [];
    const upgraded = await provider.update(outs, inputsOf({ installer: { ...V11, isOnHost: false } }), context(lines));
    expect(upgraded.installer.version).toBe("2.0.11");
    expect(upgraded.differences).toEqual([]);
    expect(lines.join()).toContain("127.0.0.1: ");
    expect(lines.join()).toContain("no image can be pushed to it");
    expect([...quay.model.organizations.keys()]).toEqual([]);
});

test("an organization that somebody uses is left alone; what Quay refuses for a moment after its start is asked again", async () => {
    const outs = await create();
    const theirs = quay.model.addOrganization("registry-passthrough-doctor", "admin");
    quay.model.addRepository(theirs, "registry-passthrough-doctor/theirs", "admin");
    const lines: string[] = [];
    const newer = inputsOf({ installer: { ...V11, isOnHost: false } });
    await provider.update(outs, newer, context(lines));
    expect(lines.join()).toContain("organization registry-passthrough-doctor: somebody uses it");
    expect(quay.model.organizations.get("registry-passthrough-doctor")).toBe(theirs);
    expect(theirs.repositories.size).toBe(1);
    quay.model.organizations.clear();
    const refused = new Set<string>();
    quay.fault = (method, path) => {
        const place = path.startsWith("/v2/") && method === "PUT" ? "upload" : path;
        if ((place !== "upload" && place !== "/api/v1/organization/") || refused.has(place)) return undefined;
        refused.add(place);
        return { status: 503, body: "" };
    };
    await tryUploads(newer, outs.admin as Credentials, context());
    expect([...refused].sort()).toEqual(["/api/v1/organization/", "upload"]);
    expect([...quay.model.organizations.keys()]).toEqual([]);
});

test("uploads are tried at one that is installed anew in the place of another, and where an upgrade was ended before", async () => {
    const outs = await create();
    const newer = inputsOf({ installer: { ...V11, isOnHost: false } });
    const stop = new AbortController();
    quay.fault = (method, path) => {
        if (method === "PUT" && path.includes("/blobs/uploads/")) stop.abort(INTERRUPTED);
        return undefined;
    };
    const partial = await failure(provider.update(outs, newer, { ...context(), signal: stop.signal }));
    expect(partial).toMatchObject({ isUnchecked: "ran before", installer: { version: "2.0.11" } });
    quay.fault = rejectUploads;
    const lines: string[] = [];
    const found = (await provider.read(partial, context())).outs;
    const checked = await provider.update(found, newer, context(lines));
    expect(lines.join()).toContain("no image can be pushed to it");
    expect(checked).not.toHaveProperty("isUnchecked");
    // So it is if the state is lost: clusters may use it.
    lines.length = 0;
    expect((await provider.create(newer, context(lines))).outs.differences).toEqual([]);
    expect(lines.join()).toContain("no image can be pushed to it");
    for (const folder of [host.directory, host.state]) rmSync(folder, { recursive: true });
    mkdirSync(host.state);
    quay.model.users.clear();
    const lost = (await provider.read(checked, context())).outs;
    expect(await failure(provider.update(lost, newer, context()))).toMatchObject({ isUnchecked: true });
});

async function failure(run: Promise<unknown>): Promise<RegistryInstallationOutputs> {
    const error: unknown = await run.then(
        () => new Error("it did not fail"),
        (thrown: unknown) => thrown,
    );
    if (!(error instanceof PartialState)) throw error;
    return error.known as RegistryInstallationOutputs;
}

test("a refresh says what differs and leaves the rest of the registry alone; the next update mends it", async () => {
    const outs = await create();
    rmSync(join(host.state, "active", "quay-app.service"));
    const lines: string[] = [];
    const own = context(lines);
    const { outs: found } = await provider.read(outs, own);
    expect(found.differences).toEqual(["quay-app.service is inactive (dead)"]);
    expect(lines).toEqual(["127.0.0.1: quay-app.service is inactive (dead)"]);
    expect(own.process.brokenRegistries.has(outs.registry.mirrorBase)).toBe(true);
    expect(provider.compare(found, inputsOf())).toEqual({ changes: true });
    const mended = await provider.update(found, inputsOf(), own);
    expect([...own.process.brokenRegistries]).toEqual([]);
    expect((await provider.read(mended, context())).outs.differences).toEqual([]);
    await server.stop();
    await expect(provider.read(mended, context())).rejects.toThrow(/HOST_UNREACHABLE/);
});

test("a preview says what is installed, and refuses an older version and another place", async () => {
    const lines: string[] = [];
    const describe = (olds: Partial<RegistryInstallationInputs>, news: RegistryInstallationInputs) =>
        provider.describeChanges?.(olds, news, context(lines));
    const newer = inputsOf({ installer: { ...V11, isOnHost: false } });
    await describe({}, inputsOf());
    await describe(inputsOf(), newer);
    await describe(newer, newer);
    expect(lines).toEqual([
        "mirror-registry is installed in 2.0.7 on 127.0.0.1; it does not answer meanwhile",
        "mirror-registry is upgraded from 2.0.7 to 2.0.11 on 127.0.0.1; it does not answer meanwhile",
    ]);
    await expect(describe(newer, inputsOf())).rejects.toThrow(/its database may not be taken back to 2\.0\.7/);
    await expect(describe(inputsOf(), inputsOf({ directory: "/srv/other" }))).rejects.toThrow(
        "CONFIG_INVALID: site.registry.deploy.installer.directory: its installer cannot change it",
    );
    const registry = { ...inputsOf().registry, mirrorBase: "elsewhere.test:8443/mirror" };
    const state = { ...inputsOf(), differences: [] } as unknown as RegistryInstallationOutputs;
    expect(() => provider.describeUpdate?.(state, inputsOf({ registry }), context())).toThrow(
        "CONFIG_INVALID: site.registry.mirrorBase: its installer cannot change it",
    );
    expect(server.commands).toEqual([]);
});

test("another address of the host is taken, and another host is not", async () => {
    const outs = await create();
    const olds = { ...outs, host: { ...outs.host, address: "former.site-a.test" } };
    const updated = await provider.update(olds, inputsOf({ installer: { ...V11, isOnHost: false } }), context());
    expect(updated.installer.version).toBe("2.0.11");
    rmSync(host.directory, { recursive: true });
    await expect(provider.update(olds, inputsOf(), context())).rejects.toThrow(
        /HOST_NOT_READY .*nothing is installed in .* of this host/,
    );
});

test("removal stops it, or with its content uninstalls it", async () => {
    const outs = await create();
    const lines: string[] = [];
    await provider.remove(outs, context(lines));
    expect(lines).toEqual([
        `127.0.0.1: ${host.directory} stays, with the content (site.registry.deploy.installer.deleteContent)`,
    ]);
    expect(host.has("storage")).toBe(true);
    await provider.remove({ ...outs, deleteContent: true }, context());
    expect(host.has()).toBe(false);
});
