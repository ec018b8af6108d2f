import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provePods } from "../../cli/commands/selftest-pods";
import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { computeDigest } from "../../lib/oci/digest";
import { PROBE_NAMESPACE, contentRules } from "../../lib/openshift";
import type { SelftestStep } from "../../lib/passthrough";
import { type ApiServer, startApiServer } from "../support/api-server";
import type { NamedObject } from "../support/cluster/api-client";
import { RegistryProcess } from "../support/registry-process";
import { type KubeletScript, ScriptedKubelet } from "../support/scripted-kubelet";

jest.setTimeout(300_000);

const RUN = "a1b2c3";
const ABSENT = computeDigest(`registry-passthrough: nobody has this ${RUN}`);
const NODE = { apiVersion: "v1", kind: "Node", metadata: { name: "node-0" } };
const folder = mkdtempSync(join(tmpdir(), "selftest pods "));
const kubeconfigFile = join(folder, "kubeconfig");
let server: ApiServer;
let registry: RegistryProcess;

beforeAll(async () => {
    registry = await RegistryProcess.start();
    server = await startApiServer();
    writeFileSync(kubeconfigFile, server.kubeconfig, { mode: 0o600 });
    const created = await server.admin.create(NODE);
    const status = { conditions: [{ type: "Ready", status: "True" }] };
    await server.admin.replaceStatus({ ...created, status } as NamedObject);
});

afterAll(async () => {
    await server.stop();
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
});

function client(): RegistryClient {
    const endpoint = { host: registry.host, plainHttp: true };
    const { signal } = new AbortController();
    return new RegistryClient({ endpoint, credentials: undefined, requests: requestsFor(2), signal });
}

/** The steps of a selftest whose pods get what the script says. */
async function selftestPods(script: KubeletScript): Promise<{ isProven: boolean; steps: SelftestStep[] }> {
    const base = parseMirrorBase(`${registry.host}/mirror`);
    const images = { images: { "quay.io/team/app:1.0": computeDigest("app") } };
    const { registriesConf } = contentRules(base, images, { contactSource: "allow" });
    const steps: SelftestStep[] = [];
    const kubelet = new ScriptedKubelet(server.admin, PROBE_NAMESPACE, script);
    const cluster = { name: "", contactSource: "allow", adopt: false, allowRemoval: false } as const;
    const pushing = client();
    const { signal } = new AbortController();
    const request = { kubeconfigFile, cluster, stack: "site-a", registriesConf, run: RUN, removing: client, signal };
    let isRunning = true;
    const proof = provePods(pushing, base, request, (step) => steps.push(step)).finally(() => (isRunning = false));
    try {
        while (isRunning) await kubelet.pass();
        return { isProven: await proof, steps };
    } finally {
        await pushing.close();
    }
}

/** As a kubelet with containerd, which does not say whom it asked. */
const containerd: KubeletScript = ({ image }) => {
    if (!image.endsWith(ABSENT)) return { state: { terminated: { exitCode: 0, reason: "Completed" } } };
    const message = `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": ${image}: not found`;
    return { state: { waiting: { reason: "ErrImagePull", message } } };
};

test("with a kubeconfig, nodes prove each form of pull in a step of its own, and nothing is left", async () => {
    const { isProven, steps } = await selftestPods(containerd);
    expect(isProven).toBe(true);
    expect(steps.map(({ step, outcome }) => [step, outcome])).toEqual([
        ["pull by a node", "done"],
        ["pull by a node", "done"],
        ["pull by a node", "note"],
    ]);
    expect(steps[0]?.detail).toMatch(/^nodes: quay\.io by digest: proven from the mirror \(node node-0\): /);
    expect(await server.admin.list({ apiVersion: "v1", kind: "Pod" }, PROBE_NAMESPACE)).toEqual([]);
    expect(registry.accesses().filter(({ method, status }) => method === "DELETE" && status === 202)).not.toEqual([]);
});

test("a pull that fails is a failed step with its cause, and so fails the selftest", async () => {
    const message = "pinging container registry: x509: certificate signed by unknown authority";
    const { isProven, steps } = await selftestPods((pod) =>
        pod.image.includes(":probe-") ? { state: { waiting: { reason: "ErrImagePull", message } } } : containerd(pod),
    );
    expect(isProven).toBe(false);
    const failed = steps.filter(({ outcome }) => outcome === "failed");
    expect(failed).toHaveLength(1);
    expect(failed[0]?.detail).toMatch(
        /^nodes: quay\.io by tag: failed \(node node-0\): the node does not trust the registry's certificate: /,
    );
});
