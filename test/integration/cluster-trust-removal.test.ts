import type { ClusterTrustInputs } from "../../dynamic-providers/cluster-trust/kind";
import { clusterTrustProvider } from "../../dynamic-providers/cluster-trust/provider";
import { RegistryProcess as ProviderProcess } from "../../dynamic-providers/registry/registry-process";
import { type ApiServer, startApiServer } from "../support/api-server";
import { type TestAuthority, testAuthority } from "../support/certificates";
import { MachineConfigControllers } from "../support/machine-config-controllers";
import { ManualClock } from "../support/manual-clock";
import { PULL_SECRET, createCluster } from "../support/openshift-cluster";
import { operationContext } from "../support/operation-context";
import { RegistryProcess } from "../support/registry-process";
import { TRUST_RULES } from "../support/trust-rules";

const VERSION = "4.16.20";
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "pull-secret", namespace: "openshift-config" } };
const CAS = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "registry-cas", namespace: "openshift-config" } };

let server: ApiServer;
let kubeconfig: string;
let authority: TestAuthority;
let registry: RegistryProcess;
let controllers: MachineConfigControllers;
let clock: ManualClock;
let lines: string[];

beforeEach(async () => {
    authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue() });
    server = await startApiServer({ crds: "4.16" });
    await createCluster(server.admin, { version: VERSION });
    kubeconfig = await server.kubeconfigFor("trust", TRUST_RULES);
    controllers = new MachineConfigControllers(server.admin, VERSION);
    [clock, lines] = [new ManualClock(), []];
    clock.onSleep = async () => void (await controllers.pass());
    await controllers.settle();
});
afterEach(async () => {
    await server.stop();
    await registry.stop();
});

const secretText = async () =>
    Buffer.from((await server.admin.get(SECRET))?.data?.[".dockerconfigjson"] ?? "", "base64").toString("utf8");
const caData = async () => (await server.admin.get(CAS))?.data;

function context() {
    const process = new ProviderProcess({ followsConfiguration: false, clock });
    return { ...operationContext(lines), process };
}

async function create() {
    const { host } = registry;
    const inputs: ClusterTrustInputs = {
        selfUrn: "urn",
        registry: { type: "distribution", mirrorBase: `${host}/mirror`, ca: authority.ca, retrySeconds: 0 },
        credentials: { username: "puller", password: "canary-password-1" },
        account: "puller",
        cluster: "",
        kubeconfig,
        version: VERSION,
    };
    return (await clusterTrustProvider.create(inputs, context())).outs;
}

const rule = (host: string) => ({
    apiVersion: "config.openshift.io/v1",
    kind: "ImageDigestMirrorSet",
    metadata: { name: "corp" },
    spec: { imageDigestMirrors: [{ source: "quay.io", mirrors: [`${host}/mirror/quay.io`] }] },
});
test("nothing is taken away while somebody has rules with mirrors at the registry", async () => {
    const outs = await create();
    await server.admin.create(rule(registry.host));
    await controllers.settle();
    const before = await secretText();
    await clusterTrustProvider.remove(outs, context());
    expect(await secretText()).toBe(before);
    expect(await caData()).toEqual({ [registry.host.replace(":", "..")]: authority.ca });
    expect(lines.at(-1)).toContain(`CA and account of ${registry.host} stay: ImageDigestMirrorSet corp`);
});

test("the account stays until the nodes have the rules that replace those of the registry", async () => {
    const outs = await create();
    await server.admin.create(rule(registry.host));
    await controllers.settle();
    await server.admin.apply(rule("registry.next.test"), { force: true });
    let seen = "";
    clock.onSleep = async () => {
        seen = await secretText();
        await controllers.pass();
    };
    await clusterTrustProvider.remove(outs, context());
    // At the last look before the nodes had the new rules, the account was still there.
    expect(seen).toContain(registry.host);
    expect(await secretText()).toBe(PULL_SECRET);
});
