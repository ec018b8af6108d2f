import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegistryHostInputs, RegistryHostOutputs } from "../../dynamic-providers/registry-host/kind";
import { registryHostProvider as provider } from "../../dynamic-providers/registry-host/provider";
import { registryImage, writeImageArchive } from "../../lib/image-build";
import { type TestAuthority, testAuthority } from "../support/certificates";
import { applyRegistryHost as apply, refreshedRegistryHost as refreshed } from "../support/host/apply-registry-host";
import { SystemdHost } from "../support/host/systemd-host";
import { hasLabelled, pushLabelled } from "../support/labelled-images";
import { addNamespaces, connectNamespaces, isAdmitted, removeNamespaces } from "../support/network-namespaces";
import { operationContext } from "../support/operation-context";

jest.setTimeout(300_000);

const [PULL, PUSH] = [8443, 8444] as const;
const UNITS = ["registry-passthrough-pull", "registry-passthrough-push", "registry-passthrough-firewall"] as const;
const [pullUnit] = UNITS;
/** Machines on networks of their own: one that may reach the registry, and one that may not. */
const [NODE, OTHER] = ["node", "other"].map((role) => `registry-${process.pid}-${role}`) as [string, string];
const folder = mkdtempSync(join(tmpdir(), "registry-host-"));

let host: SystemdHost;
let authority: TestAuthority;
let inputs: RegistryHostInputs;

beforeAll(async () => {
    host = await SystemdHost.start();
    addNamespaces(NODE, OTHER);
    for (const [machine, network] of [
        [NODE, "10.97.1"],
        [OTHER, "10.97.2"],
    ] as const) {
        connectNamespaces(
            { namespace: host.namespace, link: `to${network}`, addresses: [`${network}.1/24`] },
            { namespace: machine, link: "eth0", addresses: [`${network}.2/24`] },
        );
    }
    authority = await testAuthority();
    const { privateKey, ...address } = host.connection;
    inputs = {
        ...{ selfUrn: "urn", host: address, login: { privateKey }, owner: "project/stack" },
        ...{ directory: "/srv/registry", deleteContent: true },
        registry: {
            type: "distribution",
            mirrorBase: `${host.address}:${PULL}/mirror`,
            pushHost: `${host.address}:${PUSH}`,
            ...{ ca: authority.ca, retrySeconds: 0 },
        },
        image: { file: await imageArchive() },
        allowedFrom: [`${host.client}/32`, "10.97.1.0/24"],
        ...(await certificate()),
    };
});

afterAll(async () => {
    await host.stop();
    removeNamespaces(NODE, OTHER);
    rmSync(folder, { recursive: true, force: true });
});

/** As `passthrough registry-image` makes it. */
async function imageArchive(): Promise<string> {
    const program = execFileSync("sh", ["-c", "command -v registry"], { encoding: "utf8" }).trim();
    const file = join(folder, "registry.tar");
    await writeImageArchive(file, "localhost/distribution", await registryImage(program));
    return file;
}

async function certificate(): Promise<{ readonly chain: string; readonly key: string }> {
    const issued = await authority.issue({ names: [host.address] });
    return { chain: issued.certificate, key: issued.key };
}

const at = (port: number) => ({ host: `${host.address}:${port}`, ca: authority.ca });
const isPulled = ({ accounts }: RegistryHostOutputs, label: string) =>
    hasLabelled({ endpoint: at(PULL), credentials: accounts.puller }, label);
const isLetIn = (from: string, network: string) =>
    isAdmitted(host.namespace, { from, address: `${network}.1`, port: PULL });
const statesOf = async (): Promise<string> =>
    (await host.run(`systemctl is-active ${UNITS.join(" ")}`)).stdout.trim().replaceAll("\n", " ");
/** When each instance was started. */
const starts = async (): Promise<string> =>
    (await host.run(`systemctl show --value -p ActiveEnterTimestampMonotonic ${UNITS.slice(0, 2).join(" ")}`)).stdout;

test("systemd, podman and nftables run the registry, let in who may reach it, and have it back after a reboot", async () => {
    let state = await apply(undefined, inputs);
    const { importer, puller } = state.accounts;
    await pushLabelled({ endpoint: at(PUSH), credentials: importer }, "first");
    expect(await isPulled(state, "first")).toBe(true);
    await expect(pushLabelled({ endpoint: at(PULL), credentials: puller }, "second")).rejects.toThrow(/405|read-only/);
    await expect(pushLabelled({ endpoint: at(PUSH), credentials: puller }, "second")).rejects.toThrow(/401/);
    expect((await refreshed(state)).differences).toEqual([]);
    expect(await isLetIn(NODE, "10.97.1")).toBe(true);
    expect(await isLetIn(OTHER, "10.97.2")).toBe(false);

    // What somebody has changed is found, and changed back; another certificate comes with it.
    await host.run(`systemctl disable --now ${pullUnit}; nft flush ruleset`);
    state = await refreshed(state);
    expect(state.differences).toEqual([
        `${pullUnit}.service is inactive`,
        "the rules for who reaches the registry were changed",
    ]);
    inputs = { ...inputs, ...(await certificate()) };
    state = await apply(state, inputs);
    expect((await refreshed(state)).differences).toEqual([]);
    expect(await isPulled(state, "first")).toBe(true);
    expect(await isLetIn(OTHER, "10.97.2")).toBe(false);

    // Other accounts and rules are read without a start.
    const before = await starts();
    state = await apply(state, { ...inputs, rotate: "1", allowedFrom: [...inputs.allowedFrom, "10.97.2.2"] });
    expect(await isPulled(state, "first")).toBe(true);
    expect(await isLetIn(OTHER, "10.97.2")).toBe(true);
    state = await apply(state, { ...inputs, rotate: "1" });
    expect(await isLetIn(OTHER, "10.97.2")).toBe(false);

    // Whoever loads the host's own rules again loads these, too; without its rules the registry does not run.
    await host.run("systemctl start nftables; systemctl reload nftables");
    expect((await refreshed(state)).differences).toEqual([]);
    expect(await starts()).toBe(before);
    await host.run("systemctl stop nftables");
    expect(await statesOf()).toBe("inactive inactive inactive");

    await host.reboot();
    expect((await refreshed(state)).differences).toEqual([]);
    expect(await isPulled(state, "first")).toBe(true);
    expect(await isLetIn(NODE, "10.97.1")).toBe(true);
    expect(await isLetIn(OTHER, "10.97.2")).toBe(false);

    await provider.remove(state, operationContext());
    expect(await statesOf()).toBe("inactive inactive inactive");
    const left = "ls /srv /etc/systemd/system | grep registry; podman ps -a --quiet; nft list tables";
    expect((await host.run(left)).stdout).toBe("");
});
