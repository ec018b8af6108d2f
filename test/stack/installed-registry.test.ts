import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InstallerHost, packInstaller } from "../support/installers/installer-host";
import { QuaySite } from "../support/quay/quay-site";
import type { SshServer } from "../support/ssh-server";
import { TestStack } from "../support/stack";

jest.setTimeout(300_000);

let site: QuaySite;
let host: InstallerHost;
let server: SshServer;
let stack: TestStack;
let key: string;
let registry: { readonly certificate: object; readonly deploy: object };

beforeAll(async () => {
    site = await QuaySite.create("mirror-registry");
    // The installer makes the first one.
    site.quay.model.users.clear();
    ({ host, server } = await InstallerHost.start({ QUAY_URL: site.quay.url }));
    host.setEnvironment({ NODE_EXTRA_CA_CERTS: join(site.folder, "ca.crt") });
    const issued = await site.authority.issue();
    ({ key } = issued);
    writeFileSync(join(site.folder, "registry.pem"), issued.certificate);
    const { file, ...installer } = archive("2.0.11");
    const { address, port, user, hostKey, privateKey } = server.connection;
    registry = {
        certificate: { chainFile: join(site.folder, "registry.pem") },
        deploy: {
            installer: { host: { address, port, user, hostKey }, directory: host.directory, file, ...installer },
        },
    };
    stack = await TestStack.create({ site: site.document({ registry }) });
    await stack.setConfig("hostPrivateKey", privateKey, true);
    await stack.setConfig("registryCertificateKey", key, true);
});

afterAll(async () => {
    await server.stop();
    await site.remove();
    stack.remove();
    host.remove();
});

function archive(version: string) {
    const { path: file, ...rest } = packInstaller("mirror-registry", version);
    return { file, ...rest };
}

test("one up installs the registry and mirrors to it, with accounts that nobody has configured", async () => {
    const preview = await stack.preview();
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.text).toContain("mirror-registry is installed in 2.0.11");
    expect(server.commands).toEqual([]);
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
    expect([...site.quay.model.users.keys()]).toEqual(["admin"]);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("a service that is down is drift, and the next up starts it; no secret is in the clear", async () => {
    rmSync(join(host.state, "active", "quay-app.service"));
    const drift = await stack.refreshPreview("--expect-no-changes");
    expect(drift.code).toBe(7);
    expect(drift.text).toContain("quay-app.service is inactive (dead)");
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
    const password = site.quay.model.users.get("admin")?.password ?? "";
    const state = await stack.state();
    for (const secret of [password, key.split("\n")[1] ?? "", server.connection.privateKey.split("\n")[1] ?? ""]) {
        expect(secret).not.toBe("");
        expect(state).not.toContain(secret);
        expect(stack.printed).not.toContain(secret);
    }
});

test("a host that was installed again has the registry, its accounts and its images after one up", async () => {
    for (const folder of [host.directory, host.state]) rmSync(folder, { recursive: true });
    mkdirSync(host.state);
    await site.loseContent();
    expect(await stack.up()).toMatchObject({ code: 0 });
    expect((await stack.outputs()).validation).toMatchObject({ status: "proven", images: 6 });
    expect([...site.quay.model.organizations.keys()]).toEqual(["mirror"]);
    expect(await stack.refreshPreview("--expect-no-changes")).toMatchObject({ code: 0 });
});

test("an up without deploy is refused; taken out of the state it is used as any other, and deployed again it is the same", async () => {
    const password = site.quay.model.users.get("admin")?.password ?? "";
    stack.configure(site.document());
    for (const secret of ["registryCertificateKey", "hostPrivateKey"]) stack.configure(undefined, secret);
    await stack.setConfig("registryUsername", "admin", false);
    await stack.setConfig("registryPassword", password, true);
    const refused = await stack.up("--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("CLUSTER_REMOVAL_REFUSED");
    const { deployment } = JSON.parse(await stack.state()) as { deployment: { resources: { urn: string }[] } };
    const urn = deployment.resources.find((one) => one.urn.includes("RegistryInstallation"))?.urn ?? "";
    await stack.must(["state", "delete", urn, "--yes", "--stack", "test"]);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(host.calls(/disable/)).toEqual([]);

    for (const account of ["registryUsername", "registryPassword"]) stack.configure(undefined, account);
    stack.configure(site.document({ registry }));
    await stack.setConfig("hostPrivateKey", server.connection.privateKey, true);
    await stack.setConfig("registryCertificateKey", key, true);
    expect(await stack.up("--skip-preview")).toMatchObject({ code: 0 });
    expect(host.calls(/install |upgrade |restart/)).toEqual([]);
    expect(site.quay.model.users.get("admin")?.password).toBe(password);
});

test("destroy stops it and keeps the content", async () => {
    const destroyed = await stack.destroy();
    expect(destroyed).toMatchObject({ code: 0 });
    expect(host.has("storage")).toBe(true);
    expect(host.calls(/disable --quiet --now quay-app/)).toHaveLength(1);
});
